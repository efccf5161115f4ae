"""Many steps as one graph: rows are gathered, a step is taken, its outputs and sums are kept."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

SECONDS_PER_CALL = 1.0  # how long Python lets the graph run before it looks again


def loop_over(step: Callable[..., Any], model: keras.Model, presenter: keras.Model) -> Callable[..., Any]:
    """A graph that takes steps `first` … `last` - 1 over rows in a given order and adds to the sums."""
    widths = {name: output.shape[-1] for name, output in model.output.items()}

    def loop(
        inputs: Any, labels: Any, order: Any, loss_weights: Any, batch: Any, first: Any, last: Any, sums: Any
    ) -> tuple[Any, Any]:
        def body(i: Any, sums: Any, arrays: Any) -> Any:
            at = order[i * batch : (i + 1) * batch]
            x = {name: tf.gather(values, at) for name, values in inputs.items()}
            y = {name: tf.gather(values, at) for name, values in labels.items()}
            outputs, found = step(x, y, loss_weights)
            arrays = {name: array.write(i - first, outputs[name]) for name, array in arrays.items()}
            return i + 1, tf.nest.map_structure(tf.add, sums, found), arrays

        arrays = {
            name: tf.TensorArray(tf.float32, last - first, infer_shape=False, element_shape=(None, width))
            for name, width in widths.items()
        }
        _, sums, arrays = tf.while_loop(lambda i, *_: i < last, body, (first, sums, arrays))
        raw = {name: array.concat() for name, array in arrays.items()}
        return (raw, presenter(raw)), sums

    return loop


def spans(steps: int) -> Iterator[tuple[int, int]]:
    """Step ranges that take about `SECONDS_PER_CALL` each, found out while they run."""
    first, span = 0, 32
    while first < steps:
        started = time.perf_counter()
        last = min(first + span, steps)
        yield first, last
        rate = (last - first) / (time.perf_counter() - started)
        first, span = last, max(1, int(rate * SECONDS_PER_CALL))
