"""The sets and intervals of an ensemble: scores of the rows that its members held out."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.comparison.logged_rows import logged_rows
from pipeline.conformal import METHODS, Calibration, CrossCalibration, MemberOutputs, fewest_rows, method_of
from pipeline.data.kinds import Target
from pipeline.finished.class_order import spread
from pipeline.finished.held_out import encoded_labels, probabilities_of
from pipeline.finished.members import Members
from pipeline.finished.stored_calibration import PATH
from pipeline.finished.stored_files import read_facts
from pipeline.job.intervals import held_sentences
from pipeline.job.prediction_columns import quantile_columns
from pipeline.model.build import by_column

OUT_OF_FOLD = "out_of_fold"  # prefix of the metrics of rows that each member held out
NONE = (
    "no sets and intervals: the rows that the models held out chose their epochs; folds with "
    "data.split.tested=once, or conformal.calibration=0.5, leave rows for them"
)


def cross_calibration(members: Members, targets: Sequence[Mapping[str, Target]]) -> CrossCalibration | None:
    """Return the scores of rows that neither trained a member nor chose its epoch; None if there are none.

    These are the test rows of folds in which every row is tested once, and otherwise the members' calibration
    rows.

    Args:
        targets: for each member its restored targets.
    """
    once = members.cfg.data.split.get("tested") == "once"
    if not once and not all(run.has(PATH) for run in members.runs):
        return None
    frames = [logged_rows(run, "test" if once else "calibration") for run in members.runs]
    rows = np.concatenate([frame["row"].to_numpy() for frame in frames])
    if once:
        scored = [_scored(members, *pair) for pair in zip(frames, targets, strict=True)]
    else:
        scored = [Calibration.from_facts(read_facts(run.artifact(PATH))) for run in members.runs]
    return CrossCalibration(scored, disjoint=len(np.unique(rows)) == len(rows))


def said(
    calibration: CrossCalibration | None, metrics: Mapping[str, float], *, once: bool = False
) -> list[str]:
    """Say how many rows the sets and intervals come from, what they promise, and what the test rows show.

    Args:
        metrics: the ensemble's; empty if it was not tested.
        once: whether they are of the rows that each member held out.
    """
    if calibration is None:
        return [NONE]
    level, surely = 100 * calibration.level, 100 * calibration.surely()
    rows = ", ".join(f"{head} {calibration.rows(head):,}" for head in calibration.heads)
    sentences = [
        f"sets and intervals at {level:g} %, by rows that members held out ({rows}): usually at least "
        f"{level:g} % of new rows are inside, by the proof {surely:.1f} %"
    ]
    few = [head for head in calibration.methods if calibration.too_few(head)]
    sentences += [
        f"head {head} has none: a level of {calibration.level:g} needs {fewest_rows(calibration.level):,} "
        f"labelled rows{calibration.of_which(head)}, but there are {calibration.rows(head):,}"
        for head in few
    ]
    held = (
        held_sentences(calibration, metrics, OUT_OF_FOLD, "rows, each by the model that held it out")
        if once
        else held_sentences(calibration, metrics)
    )
    return [*(sentences if calibration.heads else sentences[1:]), *held]


def member_outputs(
    outputs: Sequence[Mapping[str, np.ndarray]],
    targets: Sequence[Mapping[str, Target]],
    names: Mapping[str, Sequence[str]],
) -> list[MemberOutputs]:
    """Convert what the members of an ensemble return.

    Args:
        outputs: for each member head -> (rows, width) in readable form.
        targets: for each member its restored targets.
        names: head -> the names of the ensemble's outputs.
    """
    found = []
    for of_member, own in zip(outputs, targets, strict=True):
        converted = {name: _converted(of_member[name], target, names[name]) for name, target in own.items()}
        numbers = [name for name, target in own.items() if target.kind == "number"]
        # The raw outputs of an ensemble have the scale of its first member.
        rescaled = {name: partial(_rescaled, targets[0][name], own[name]) for name in numbers}
        found.append(MemberOutputs(converted, rescaled))
    return found


def _scored(members: Members, frame: pd.DataFrame, targets: Mapping[str, Target]) -> Calibration:
    methods = {name: method_of(head, targets[name].kind) for name, head in members.heads.items()}
    labels, outputs = {}, {}
    for name, head in members.heads.items():
        target, every = targets[name], members.labels()[name]
        if METHODS[methods[name]].of_numbers:
            values, quantiles = frame[f"{name}_label"], getattr(head, "quantiles", ())
            labels[name] = _scaled(target, _stacked(values))
            outputs[name] = _scaled(target, _numbers(frame, name, quantiles))
        else:
            probabilities = probabilities_of(frame, name, target.kind)
            outputs[name] = _converted(probabilities, target, every)
            labels[name] = encoded_labels(frame[f"{name}_label"], target.kind, every, probabilities.shape[1])
    return Calibration.of(members.cfg.conformal.level, methods, labels, outputs)


def _converted(outputs: np.ndarray, target: Target, every: Sequence[str]) -> np.ndarray:
    if target.kind == "number":
        return _scaled(target, outputs)
    return spread(outputs, target.names, every) if target.kind == "category" else outputs


def _scaled(target: Any, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(by_column(target.scaled, target.units, numbers), float)


def _rescaled(first: Any, own: Any, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(own.scaled(first.present(numbers)), float)


def _stacked(values: "pd.Series[Any]") -> np.ndarray:
    return np.stack([np.atleast_1d(np.asarray(value, float)) for value in values])


def _numbers(frame: pd.DataFrame, head: str, quantiles: Sequence[float]) -> np.ndarray:
    """Return the logged outputs of a head of numbers, (rows, columns times quantiles)."""
    if not quantiles:
        return _stacked(frame[f"{head}_predicted"])
    names = list(quantile_columns(head, quantiles, np.zeros((0, len(quantiles)))))
    by_quantile = np.stack([_stacked(frame[name]) for name in names], axis=2)
    return by_quantile.reshape(len(frame), -1)
