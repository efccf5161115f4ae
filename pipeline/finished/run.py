"""A finished run: its logged model, how its data is read, and how its predictions are written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from omegaconf import DictConfig

from pipeline.config.make import Make
from pipeline.conformal import Calibration, CrossCalibration, Region
from pipeline.data.kinds import INPUTS, TARGETS, Input, Target, build
from pipeline.data.kinds.prepare import Specs
from pipeline.errors import ConfigError
from pipeline.finished.cross_rows import member_outputs
from pipeline.finished.members import restored_targets
from pipeline.finished.stored_calibration import PATH, read_calibration
from pipeline.finished.stored_files import read_config, read_facts, read_model
from pipeline.folding import fold_texts
from pipeline.job.prediction_columns import PredictionColumns
from pipeline.model import raw_specs
from pipeline.model.ensemble import members_of, tensors_of
from pipeline.stored_file import mapping_in, readable, reading
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
        thresholds: head -> probability above which each column is yes, of the heads with a threshold.
        calibration: the scores of the calibration rows; None if the run had none.
        member_targets: for each member of an ensemble with a calibration its restored targets; else ().
    """

    cfg: DictConfig
    model: keras.Model
    specs: dict[str, Specs]
    inputs: dict[str, Input]
    columns: dict[str, PredictionColumns]
    facts: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | CrossCalibration | None = None
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    member_targets: Sequence[Mapping[str, Target]] = ()

    @classmethod
    def of(cls, run: StoredRun, make: Make, level: float | None = None) -> "FinishedRun":
        """Load a run's config and model.

        Args:
            level: of the sets and intervals; None: the run's.

        Raises:
            ConfigError: the run has no model or no config, an input's class cannot be restored, or it has no
                sets and intervals of this level.
        """
        path = run.artifact("config/config.yaml")
        cfg = read_config(path)
        model = read_model(run.model())
        names = _names(run, model)
        # Runs of version 0.1 have no facts of inputs.
        facts = read_facts(run.artifact("config/inputs.json")) if run.has("config/inputs.json") else {}
        thresholds = thresholds_of(run)
        with readable(path, "run"):
            specs = {name: raw_specs(model, name) for name in cfg.branches}
            inputs = {
                name: restore_input(name, make(cfg.data.inputs[name]), specs[name], facts.get(name))
                for name in cfg.branches
            }
            columns = {
                name: PredictionColumns(
                    _kind(name, make(cfg.data.targets[name])),
                    names[name],
                    head.get("quantiles", ()),
                    thresholds.get(name, ()),
                )
                for name, head in cfg.heads.items()
            }
        calibration, member_targets = read_calibration(run, level), []
        if isinstance(calibration, CrossCalibration):
            of_members = read_facts(run.artifact(PATH))["heads"]
            member_targets = [restored_targets(cfg, make, one) for one in of_members]
        return cls(cfg, model, specs, inputs, columns, facts, calibration, thresholds, member_targets)

    def with_thresholds(self, thresholds: Mapping[str, Sequence[float]]) -> "FinishedRun":
        """Return the run with other thresholds; heads without are yes above 0.5."""
        columns = {
            name: replace(one, thresholds=thresholds.get(name, ())) for name, one in self.columns.items()
        }
        return replace(self, columns=columns, thresholds=thresholds)

    def forward(self, *, raw: bool) -> Callable[[Mapping[str, np.ndarray]], "Outputs"]:
        """Return a function that runs the logged model, with or without its raw outputs."""
        if raw:
            return ForwardRaw(self.model, self.batch(), members=bool(self.member_targets))
        forward = Forward(self.model, self.batch())
        return lambda arrays: Outputs({}, forward(arrays))

    def regions(self, outputs: "Outputs") -> dict[str, Region]:
        """Return head -> sets or intervals of some rows; empty if the run has none."""
        if self.calibration is None:
            return {}
        presenter = self.model.get_layer("presenter")
        if isinstance(self.calibration, Calibration):
            return self.calibration.regions(outputs.raw, outputs.readable, presenter)
        if not outputs.members:
            return {}
        names = {head: one.names for head, one in self.columns.items()}
        members = member_outputs(outputs.members, self.member_targets, names)
        return self.calibration.regions(members, outputs.raw, outputs.readable, presenter)

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


@dataclass(frozen=True)
class Outputs:
    """The outputs of some rows by head, (rows, width).

    Args:
        raw: those of the heads themselves.
        readable: probabilities, and numbers in original units.
        members: the readable outputs of each member of an ensemble; () if they are not needed.
    """

    raw: dict[str, np.ndarray]
    readable: dict[str, np.ndarray]
    members: Sequence[Mapping[str, np.ndarray]] = ()

    def at(self, rows: np.ndarray) -> "Outputs":
        """Return the outputs of some of the rows."""
        raw, readable, *members = (
            {name: values[rows] for name, values in of.items()}
            for of in (self.raw, self.readable, *self.members)
        )
        return Outputs(raw, readable, members)


class ForwardRaw:
    """Runs a logged model in batches; its raw outputs are the inputs of the presenter inside it.

    Args:
        members: whether the members of an ensemble return their outputs too.
    """

    def __init__(self, model: keras.Model, batch: int, *, members: bool = False) -> None:
        tensors = {"raw": tensors_of(model.get_layer("presenter"), "input"), "readable": dict(model.output)}
        for place, member in enumerate(members_of(model) if members else []):
            tensors[str(place)] = tensors_of(member, "output")
        self.places = list(tensors)
        flat = {f"{place} {name}": x for place, of in tensors.items() for name, x in of.items()}
        self.heads = list(model.output)
        self.forward = Forward(keras.Model(model.input, flat), batch)

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> Outputs:
        """Run the model on (rows, …) by input name."""
        outputs = self.forward(arrays)
        raw, readable, *members = (
            {name: outputs[f"{place} {name}"] for name in self.heads} for place in self.places
        )
        return Outputs(raw, readable, members)


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


def thresholds_of(run: StoredRun) -> dict[str, list[float]]:
    """Return the thresholds of a run's heads that have one, by column."""
    path = "config/thresholds.json"
    if not run.has(path):
        return {}
    with reading(run, path) as file:
        return {head: [float(one) for one in limits] for head, limits in mapping_in(file).items()}


def _names(run: StoredRun, model: keras.Model) -> dict[str, list[str]]:
    """Return head -> a name for each of its outputs."""
    with reading(run, "config/labels.json") as file:
        found = mapping_in(file)
        for head, output in model.output.items():
            names = found[head]
            if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
                raise ValueError(f"{head} has no list of names")
            if len(names) != output.shape[-1] or len({*names}) != len(names):
                raise ValueError(f"{head} has {output.shape[-1]} outputs, but {len({*names})} names")
        return found


def _kind(name: str, entry: Mapping[str, Any] | Target) -> str:
    target: Target = build(entry, TARGETS, f"data.targets.{name}")
    return target.kind
