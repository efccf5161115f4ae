"""A finished run: its logged model, how its data is read, and how its predictions are written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from omegaconf import DictConfig

from pipeline.config.make import Make
from pipeline.data.kinds import INPUTS, TARGETS, Input, Target, build
from pipeline.data.kinds.prepare import Specs
from pipeline.errors import ConfigError
from pipeline.finished.stored_files import read_config, read_facts, read_model
from pipeline.folding import fold_texts
from pipeline.job.prediction_columns import PredictionColumns
from pipeline.job.stored_file import readable
from pipeline.model import raw_specs
from pipeline.tracking import StoredRun

STEPS = 256  # assumed length of a series, to estimate the memory of a row
# Bytes of the raw inputs, and rows; a model's own tensors take many times as much memory.
BATCH_BYTES, LARGEST_BATCH = 1 << 20, 4096
CHUNK_BYTES, LARGEST_CHUNK = 1 << 25, 1 << 15


@dataclass(frozen=True)
class FinishedRun:
    """A finished run.

    Args:
        cfg: the run's config.
        model: the logged model: raw inputs -> outputs in readable form, both by name.
        specs: input -> its raw model inputs.
        inputs: input -> the restored kind of input, which reads its columns.
        columns: head -> how its outputs become columns.
        facts: input -> the result of its `facts`, of those that have any.
    """

    cfg: DictConfig
    model: keras.Model
    specs: dict[str, Specs]
    inputs: dict[str, Input]
    columns: dict[str, PredictionColumns]
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, run: StoredRun, make: Make) -> "FinishedRun":
        """Load a run's config and model.

        Raises:
            ConfigError: the run has no model or no config, or an input's class cannot be restored.
        """
        path = run.artifact("config/config.yaml")
        cfg = read_config(path)
        names = read_facts(run.artifact("config/labels.json"))
        model = read_model(run.model())
        # Runs of version 0.1 have no facts of inputs.
        facts = read_facts(run.artifact("config/inputs.json")) if run.has("config/inputs.json") else {}
        with readable(path, "run"):
            specs = {name: raw_specs(model, name) for name in cfg.branches}
            inputs = {
                name: restore_input(name, make(cfg.data.inputs[name]), specs[name], facts.get(name))
                for name in cfg.branches
            }
            columns = {
                name: PredictionColumns(
                    _kind(name, make(cfg.data.targets[name])), names[name], head.get("quantiles", ())
                )
                for name, head in cfg.heads.items()
            }
        return cls(cfg, model, specs, inputs, columns, facts)

    def batch(self) -> int:
        """Return the number of rows that go through the model at a time."""
        return max(1, min(LARGEST_BATCH, BATCH_BYTES // self._row_bytes()))

    def chunk(self) -> int:
        """Return the number of rows that are in memory at a time, a multiple of the batch."""
        return max(1, min(LARGEST_CHUNK, CHUNK_BYTES // self._row_bytes()) // self.batch()) * self.batch()

    def _row_bytes(self) -> int:
        sizes = [
            int(np.prod([size or STEPS for size in shape]))
            * (64 if dtype == "string" else np.dtype(dtype).itemsize)
            for specs in self.specs.values()
            for shape, dtype in specs.values()
        ]
        return sum(sizes)


class Forward:
    """Runs a model of named tensors in batches, with one graph for any number of rows."""

    def __init__(self, model: keras.Model, batch: int) -> None:
        self.model, self.batch = model, batch
        signature = {
            name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
            for name, tensor in model.input.items()
        }
        graph = tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
        )
        # Traced here, because TensorFlow takes the first calls of several models for retracing and warns.
        self.graph = graph.get_concrete_function()

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the model; (rows, …) by input name -> (rows, width) by output name."""
        pieces = [self.graph(batch) for batch in self._batches(arrays)]
        return {name: np.concatenate([piece[name].numpy() for piece in pieces]) for name in pieces[0]}

    def _batches(self, arrays: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
        rows, arrays = len(next(iter(arrays.values()))), fold_texts(self.model, arrays)
        for first in range(0, rows, self.batch):
            yield {
                name: tf.cast(tf.convert_to_tensor(arrays[name][first : first + self.batch]), tensor.dtype)
                for name, tensor in self.model.input.items()
            }


def restore_input(
    name: str, entry: Mapping[str, Any] | Input, specs: Specs, facts: Mapping[str, Any] | None = None
) -> Input:
    """Build an input and restore it from a logged model.

    Args:
        entry: `{kind: …, column: …}` or an `Input`.
        specs: the input's raw model inputs.
        facts: the result of the fitted input's `facts`; None if it has none.

    Raises:
        ConfigError: the input's class has no method `restore`.
    """
    key = f"data.inputs.{name}"
    source: Input = build(entry, INPUTS, key)
    if not hasattr(source, "restore"):
        raise ConfigError(
            key,
            f"{type(source).__name__} has no method `restore`, so its runs cannot read new files",
            allowed="a built-in kind, or a class with `restore(name, specs)`; see pipeline.data.kinds.Input",
        )
    source.restore(name, specs)
    if facts and hasattr(source, "recall"):
        source.recall(facts)
    return source


def _kind(name: str, entry: Mapping[str, Any] | Target) -> str:
    target: Target = build(entry, TARGETS, f"data.targets.{name}")
    return target.kind
