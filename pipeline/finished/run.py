"""A run that was recorded, ready for use: its logged model, how its data is read, what its heads answer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from omegaconf import DictConfig, OmegaConf

from pipeline.config.make import Make
from pipeline.config.renamed import renamed
from pipeline.data.kinds import INPUTS, TARGETS, build
from pipeline.data.kinds.prepare import Specs
from pipeline.errors import ConfigError
from pipeline.job.prediction_columns import Answers
from pipeline.model import raw_specs
from pipeline.tracking import StoredRun

STEPS = 256  # of a series, where memory is reckoned
BATCH_BYTES, LARGEST_BATCH = 1 << 20, 4096  # of the raw inputs: what is inside a model takes many times more
CHUNK_BYTES, LARGEST_CHUNK = 1 << 25, 1 << 15


@dataclass(frozen=True)
class FinishedRun:
    """A recorded run.

    Args:
        cfg: the config that it was made from.
        model: raw inputs to presented outputs, both by name: the logged one.
        specs: input -> its raw model inputs.
        inputs: input -> what reads it, restored from the model.
        answers: head -> how its outputs are read.
    """

    cfg: DictConfig
    model: keras.Model
    specs: dict[str, Specs]
    inputs: dict[str, Any]
    answers: dict[str, Answers]

    @classmethod
    def of(cls, run: StoredRun, make: Make) -> "FinishedRun":
        """Load a run's config and model.

        Raises:
            ConfigError: the run lacks one of them, or an input is of a kind that cannot be restored.
        """
        cfg: Any = renamed(OmegaConf.load(run.artifact("config/config.yaml")))  # type: ignore[arg-type]
        names = json.loads(run.artifact("config/labels.json").read_text())
        model = keras.saving.load_model(run.model(), compile=False)
        specs = {name: raw_specs(model, name) for name in cfg.branches}
        inputs = {
            name: restored_input(name, make(cfg.data.inputs[name]), specs[name]) for name in cfg.branches
        }
        answers = {
            name: Answers(_kind(name, make(cfg.data.targets[name])), names[name], head.get("quantiles", ()))
            for name, head in cfg.heads.items()
        }
        return cls(cfg, model, specs, inputs, answers)

    def batch(self) -> int:
        """Rows that go through the model at a time."""
        return max(1, min(LARGEST_BATCH, BATCH_BYTES // self._row_bytes()))

    def chunk(self) -> int:
        """Rows that are held at a time, whole batches of them."""
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
    """A model of named tensors as one graph for any number of rows, run in batches."""

    def __init__(self, model: keras.Model, batch: int) -> None:
        self.model, self.batch = model, batch
        signature = {
            name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
            for name, tensor in model.input.items()
        }
        self.graph = tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
        )

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """(rows, …) by raw input -> (rows, width) by output."""
        pieces = [self.graph(batch) for batch in self._batches(arrays)]
        return {name: np.concatenate([piece[name].numpy() for piece in pieces]) for name in pieces[0]}

    def _batches(self, arrays: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
        rows = len(next(iter(arrays.values())))
        for first in range(0, rows, self.batch):
            yield {
                name: tf.cast(tf.convert_to_tensor(arrays[name][first : first + self.batch]), tensor.dtype)
                for name, tensor in self.model.input.items()
            }


def restored_input(name: str, given: Any, specs: Specs) -> Any:
    """What reads an input for a logged model, from `{kind: …, column: …}` or an object that is an `Input`.

    Raises:
        ConfigError: its class cannot be restored.
    """
    key = f"data.inputs.{name}"
    one = build(given, INPUTS, key)
    if not hasattr(one, "restore"):
        raise ConfigError(
            key,
            f"{type(one).__name__} has no method `restore`, so files cannot be read for its runs",
            allowed="a kind of ours, or a class with `restore(name, specs)`; see pipeline.data.kinds.Input",
        )
    one.restore(name, specs)
    return one


def _kind(name: str, target: Any) -> str:
    return build(target, TARGETS, f"data.targets.{name}").kind
