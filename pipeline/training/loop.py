"""Many steps as one TensorFlow graph, so that Python is called only about once per second."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

SECONDS_PER_CALL = 1.0  # intended duration of one call of the graph


def loop_over(step: Callable[..., Any], model: keras.Model, presenter: keras.Model) -> Callable[..., Any]:
    """Return a function that takes the steps `first` to `last` - 1 and adds their sums to `sums`.

    Args:
        step: (inputs, labels, loss_weights, its number) -> (raw outputs, sums) of one batch.
        model, presenter: see `pipeline.model.build_model` and `build_presenter`.
    """
    widths = {name: output.shape[-1] for name, output in model.output.items()}

    def loop(
        inputs: Any, labels: Any, order: Any, loss_weights: Any, batch: Any, first: Any, last: Any, sums: Any
    ) -> tuple[Any, Any]:
        def body(i: Any, sums: Any, arrays: Any) -> Any:
            rows = order[i * batch : (i + 1) * batch]
            x = {name: tf.gather(values, rows) for name, values in inputs.items()}
            y = {name: tf.gather(values, rows) for name, values in labels.items()}
            outputs, summands = step(x, y, loss_weights, i)
            arrays = {name: array.write(i - first, outputs[name]) for name, array in arrays.items()}
            return i + 1, tf.nest.map_structure(tf.add, sums, summands), arrays

        arrays = {
            name: tf.TensorArray(tf.float32, last - first, infer_shape=False, element_shape=(None, width))
            for name, width in widths.items()
        }
        _, sums, arrays = tf.while_loop(lambda i, *_: i < last, body, (first, sums, arrays))
        raw = {name: array.concat() for name, array in arrays.items()}
        return (raw, presenter(raw)), sums

    return loop


def spans(steps: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of steps; each should take about `SECONDS_PER_CALL`, judged by the one before.

    Args:
        most: largest number of steps of a range, whose outputs are in memory together.
    """
    first, span = 0, min(32, most)
    while first < steps:
        started = time.perf_counter()
        last = min(first + span, steps)
        yield first, last
        rate = (last - first) / (time.perf_counter() - started)
        first, span = last, min(most, max(1, int(rate * SECONDS_PER_CALL)))
