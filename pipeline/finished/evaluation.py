"""A finished run measured again: its logged model on labelled rows, with intervals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.comparison.bootstrap import Interval, interval
from pipeline.config.make import Make
from pipeline.data.kinds import TARGETS, build
from pipeline.data.loading import LabelledRows, load_labelled
from pipeline.errors import ConfigError
from pipeline.finished.run import FinishedRun, Forward, restored_input
from pipeline.metric_names import Scores
from pipeline.tracking import StoredRun
from pipeline.training.best_constant import constant_loss
from pipeline.training.epoch import Epoch
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import Reference, measure

CERTAINTY = 0.95


@dataclass(frozen=True)
class Evaluation:
    """A run's model on labelled rows.

    Args:
        rows: the rows.
        heads: head -> its labels and what it is measured with.
        passed: the outputs and losses.
        row_loss: head -> (rows,), NaN where unlabelled.
        row_constant: the same of the best constant of the run's training rows.
        parts: head -> the head's part, with its loss.
        targets: head -> the restored target.
    """

    rows: LabelledRows
    heads: dict[str, Reference]
    passed: Epoch
    row_loss: dict[str, np.ndarray]
    row_constant: dict[str, np.ndarray]
    parts: dict[str, Any]
    targets: dict[str, Any]

    def scores(self, places: np.ndarray | None = None) -> Scores:
        """The metrics over these places, or over all; undefined ones are absent."""
        passed, heads = self.passed, self.heads
        if places is not None:
            losses = {head: _mean(loss[places]) for head, loss in self.row_loss.items()}
            passed = replace(
                passed,
                losses={head: loss for head, loss in losses.items() if loss is not None},
                outputs={head: values[places] for head, values in passed.outputs.items()},
                order=places,
            )
            heads = {
                head: replace(one, baseline_loss=_mean(self.row_constant[head][places]))
                for head, one in heads.items()
            }
        return measure("rows", passed, heads, dict.fromkeys(heads, 1.0))

    def numbers(self, places: np.ndarray | None = None) -> dict[str, float]:
        """`<head>_<word>` -> value over these places, or over all; undefined ones are absent."""
        scores = self.scores(places)
        # Combined losses depend on the loss weights, which say how a model was trained, not how good it is.
        shown = {word: value for word, value in scores.combined.items() if not word.startswith("loss")}
        return {
            name.removeprefix("rows/"): value
            for name, value in replace(scores, combined=shown).named("rows").items()
        }

    def intervals(self, resamples: int, seed: int = 0) -> dict[str, Interval]:
        """Every number with its 95 % interval over rows drawn with replacement; NaN ends without any."""
        rng = np.random.default_rng(seed)
        rows = len(self.rows.rows)
        drawn = [self.numbers(rng.integers(0, rows, rows)) for _ in range(resamples)]
        return {
            name: centred(value, np.array([one.get(name, np.nan) for one in drawn]))
            if resamples
            else Interval(value, np.nan, np.nan)
            for name, value in self.numbers().items()
        }


def centred(value: float, drawn: np.ndarray) -> Interval:
    """The percentile interval less the bootstrap's own bias (Efron and Tibshirani 1993, chapter 10).

    Rows drawn twice make calibration look worse than it is: uncorrected, the interval may miss the value.
    """
    found = interval(value, drawn - np.nanmean(drawn) + value, CERTAINTY)
    return found._replace(low=max(found.low, 0.0)) if (drawn >= 0).all() else found


def evaluate(
    run: StoredRun,
    finished: FinishedRun,
    data: Any,
    *,
    which: str,
    own: bool,
    folders: Sequence[Path],
    make: Make,
) -> Evaluation:
    """Read labelled rows and give them to a run's model.

    Args:
        data: a data config, with the names of the run's inputs and targets.
        which: "train", "val", "test" or "all".
        own: the rows are those that the run was made with, so their split must be the one that it logged.

    Raises:
        ConfigError: data that does not fit the run, or is no longer what it was.
    """
    facts = json.loads(run.artifact("config/heads.json").read_text())
    parts = {name: make(node) for name, node in finished.cfg.heads.items()}
    node = make(data)
    node.pop("leaks", None)  # those between splits: of rows that train nothing there is nothing to say
    inputs, targets = _restored(finished, node, facts)
    rows = load_labelled(
        **{**node, "inputs": inputs, "targets": targets, "split": node.get("split")},
        which=which,
        restored=[*finished.inputs, *parts],
        folders=folders,
        seed=finished.cfg.seed,
    )
    if own and rows.fingerprint is not None:
        _check_same(run, rows.fingerprint)
    if not len(rows.rows):
        raise ConfigError("split", "no row is in this split", found=which)
    goals = {name: targets[name] for name in parts}
    return _measured(
        finished, rows, parts, goals, {name: np.array(facts[name]["constant"]) for name in parts}
    )


def _measured(
    finished: FinishedRun,
    rows: LabelledRows,
    parts: Mapping[str, Any],
    targets: Mapping[str, Any],
    constants: Mapping[str, np.ndarray],
) -> Evaluation:
    raw, outputs = _forward(finished.model, finished.batch(), rows.raw)
    losses = {name: HeadLoss(loss=part.loss, kind=targets[name].kind) for name, part in parts.items()}
    heads, means = {}, {}
    for name, part in parts.items():
        labels = rows.labels[name]
        mean, number = losses[name](tf.convert_to_tensor(labels), tf.convert_to_tensor(raw[name]))
        if float(number):
            means[name] = float(mean)
        heads[name] = Reference(
            targets[name].kind,
            targets[name].decode(labels) if targets[name].kind == "number" else labels,
            [metric for metric in part.metrics if isinstance(metric, str)],
            [metric for metric in part.metrics if not isinstance(metric, str)],
            constant_loss(losses[name], labels, constants[name]),
            getattr(part, "quantiles", ()),
            part.point,
        )
    passed = Epoch(means, 0.0, {}, {}, raw, outputs, np.arange(len(rows.rows)), 0.0)
    row_loss = {name: losses[name].row_losses(rows.labels[name], raw[name]) for name in parts}
    row_constant = {
        name: losses[name].row_losses(
            rows.labels[name], np.tile(np.float32(constants[name]), (len(rows.rows), 1))
        )
        for name in parts
    }
    return Evaluation(rows, heads, passed, row_loss, row_constant, dict(parts), dict(targets))


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _forward(
    model: keras.Model, batch: int, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Raw and presented outputs: the raw ones are what enters the logged model's presenter."""
    presenter = model.get_layer("presenter")
    raw = keras.tree.pack_sequence_as(presenter.input, keras.Operation.input.fget(presenter))
    both = {f"raw {name}": tensor for name, tensor in raw.items()} | dict(model.output)
    found = Forward(keras.Model(model.input, both), batch)(arrays)
    return {name: found[f"raw {name}"] for name in raw}, {name: found[name] for name in raw}


def _restored(
    finished: FinishedRun, node: Any, facts: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data's inputs and targets; those of the run know what they learned in its training."""
    for group, names in (("inputs", finished.inputs), ("targets", facts)):
        for name in names:
            if name not in node[group]:
                raise ConfigError(
                    f"data.{group}", "the run needs this", found=f"no {name}", allowed=node[group]
                )
    targets = {name: build(one, TARGETS, f"data.targets.{name}") for name, one in node["targets"].items()}
    for name, known in facts.items():
        if targets[name].kind != known["kind"]:
            raise ConfigError(
                f"data.targets.{name}.kind",
                "another kind than in training",
                found=targets[name].kind,
                allowed=known["kind"],
            )
        targets[name].restore(name, known)
    inputs = dict(node["inputs"])
    for name in finished.inputs:
        inputs[name] = restored_input(name, inputs[name], finished.specs[name])
    return inputs, targets


def _check_same(run: StoredRun, fingerprint: str) -> None:
    logged = json.loads(run.artifact("config/split.json").read_text())["fingerprint"]
    if fingerprint != logged:
        raise ConfigError(
            "data",
            "the run's data, or its split, is no longer what it was in training",
            found=f"fingerprint {fingerprint[:12]}",
            allowed=f"{logged[:12]}; or split=all, or data=…, to evaluate the run on other rows",
        )
