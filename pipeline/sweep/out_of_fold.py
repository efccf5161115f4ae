"""The out-of-fold predictions of a sweep: those of each row by the run that held out its fold."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.comparison.logged_rows import logged_rows
from pipeline.finished.class_order import spread, union
from pipeline.stored_file import facts_of
from pipeline.sweep.board.fold_means import is_folds, metrics_of
from pipeline.sweep.folds import HELD_OUT, FoldSet, fold_sets
from pipeline.sweep.parent import Parent, best_of
from pipeline.tracking import StoredRun

FACTS = "folds.json"  # artifact of the sweep's run: its fold sets
ONE_SET = "predictions/oof.parquet"


def log_folds(parent: Parent, objective: str) -> list[str]:
    """Logs the means over the folds of the best config, and the out-of-fold predictions, to the sweep's run.

    Returns:
        Sentences for the terminal; empty if the trials of the sweep are no folds.
    """
    trials = [trial for trial in parent.trials() if trial.status == "FINISHED"]
    best = best_of(trials, objective)
    if best is None or not is_folds(best):
        return []
    for name, value in metrics_of(best).items():
        parent.client.log_metric(parent.run_id, name, value)
    return log_out_of_fold(parent)


def log_out_of_fold(parent: Parent) -> list[str]:
    """Logs the out-of-fold predictions of the sweep's complete fold sets to its run.

    Of one set they are the artifact `predictions/oof.parquet`, of several `predictions/oof/<name>.parquet`.
    The artifact `folds.json` lists the sets.

    Returns:
        Sentences for the terminal: how many rows have predictions, or why there are none. Empty if the trials
        of the sweep are no folds.
    """
    sets = fold_sets(parent.trials())
    sentences, facts = [], []
    with tempfile.TemporaryDirectory() as name:
        for one in sets:
            label = "" if len(sets) == 1 else f" of {one.name}"
            if one.missing:
                listed = ", ".join(map(str, one.missing))
                sentences.append(
                    f"no out-of-fold predictions{label}: fold {listed} of {one.number} is missing"
                )
                continue
            file = ONE_SET if len(sets) == 1 else f"predictions/oof/{_file_name(one.name)}.parquet"
            sentences.append(_write(parent, one, Path(name) / file, label))
            facts.append(_facts(parent, one, file))
        if facts:
            (Path(name) / FACTS).write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
            parent.client.log_artifacts(parent.run_id, name)
    return sentences


def _write(parent: Parent, one: FoldSet, path: Path, label: str) -> str:
    table = out_of_fold(_runs(parent, one), HELD_OUT[one.tested])
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)
    return f"out-of-fold predictions{label} of {len(table):,} rows"


def out_of_fold(runs: Sequence[StoredRun], split: str) -> pd.DataFrame:
    """The predictions of the rows that each run held out, sorted by row, with the columns of a run's own.

    A class that no training row of a run had has the probability 0 there.

    Args:
        runs: those of all folds.
        split: what the rows that a run held out are called, val or test.

    Raises:
        ValueError: runs held out the same row, because the data changed between them.
    """
    frames = [logged_rows(run, split) for run in runs]
    names = [_names(run) for run in runs]
    for head in (column.removesuffix("_probabilities") for column in _probabilities(frames[0])):
        every = union([of_run[head] for of_run in names])
        for frame, of_run in zip(frames, names, strict=True):
            frame[f"{head}_probabilities"] = list(
                spread(np.stack(list(frame[f"{head}_probabilities"])), of_run[head], every)
            )
    table = pd.concat(frames, ignore_index=True).sort_values("row", ignore_index=True)
    if not table["row"].is_unique:
        raise ValueError("folds share rows: the data changed between them, so they are no folds of one split")
    return table


def _probabilities(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if name.endswith("_probabilities")]


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", name)


def _facts(parent: Parent, one: FoldSet, file: str) -> Mapping[str, Any]:
    """What `compare` and others need of a fold set, for JSON."""
    runs = _runs(parent, one)
    names = [_names(run) for run in runs]
    return {
        "name": one.name,
        "predictions": file,
        "folds": one.number,
        "tested": one.tested,
        "held_out": HELD_OUT[one.tested],
        "runs": [run.run_id for run in runs],
        "classes": {head: union([of_run[head] for of_run in names]) for head in names[0]},
    }


def _runs(parent: Parent, one: FoldSet) -> list[StoredRun]:
    """The runs of a fold set, by fold."""
    found = (parent.client.get_run(one.trials[fold].run_id) for fold in sorted(one.trials))
    return [StoredRun.of(parent.client, parent.uri, run) for run in found]


def _names(run: StoredRun) -> dict[str, list[str]]:
    """The names of each head's outputs."""
    return facts_of(run, "config/labels.json")
