"""Which config values differ between runs, and for each head which runs are better beyond noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.comparison.bootstrap import Interval, differences, means
from pipeline.comparison.scores import BETTER, aligned, heads_of, score_columns, shared_rows

# These say how a run was started and stored, not what was trained.
NOT_CONFIG = ("tracking.", "sweep.", "objective", "trusted_modules")


@dataclass(frozen=True)
class Contender:
    """A finished run.

    Args:
        params: its options, and all values of its config.
        metrics: as in MLflow.
        predictions: the logged table of each split, one line per row of the data.
        history: metric -> its value in each epoch; empty if the run has no report.
        address: where to look at the run: the file of its report, or a page of a server; "" if there is none.
    """

    run_id: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    predictions: Mapping[str, pd.DataFrame]
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Verdict:
    """One run compared with the first one by one metric of one head."""

    head: str
    metric: str
    run: str
    value: Interval
    difference: Interval
    rows: int

    def words(self) -> str:
        """`better`, `worse`, `within noise`, or `the same` if no row's score differs."""
        if self.difference == Interval(0.0, 0.0, 0.0):
            return "the same"
        if self.difference.noise:
            return "within noise"
        return "better" if self.difference.value * BETTER[self.metric] > 0 else "worse"


def differing(runs: Sequence[Contender]) -> list[list[str]]:
    """The params that differ between runs: key, then the value in each run, empty where missing."""
    keys = list(dict.fromkeys(key for run in runs for key in run.params))
    # The `_target_` of an `optimizer` says nothing that the name of the optimizer does not.
    keys = [key for key in keys if key.removesuffix("._target_") not in keys or not key.endswith("_target_")]
    rows = [[key, *(run.params.get(key, "") for run in runs)] for key in sorted(keys)]
    return [row for row in rows if len(set(row[1:])) > 1 and not row[0].startswith(NOT_CONFIG)]


def shared(runs: Sequence[Contender], split: str) -> int:
    """How many rows of a split all runs predicted."""
    return len(shared_rows({run.name: run.predictions[split] for run in runs}))


def rows_compared(runs: Sequence[Contender], split: str) -> str:
    """A sentence: how many rows of a split all runs predicted, and how many each of them did."""
    frames = {run.name: run.predictions[split] for run in runs}
    common = shared(runs, split)
    if all(len(frame) == common for frame in frames.values()):
        return f"compared on {common:,} {split} rows, those of every run"
    listed = ", ".join(f"{name}: {len(frame):,}" for name, frame in frames.items())
    return f"compared on the {common:,} {split} rows that all runs predicted ({listed})"


def verdicts(runs: Sequence[Contender], split: str) -> list[Verdict]:
    """Compares each run with the first by every metric of every head, on the rows that all predicted.

    Raises:
        ConfigError: the runs have no row of the split in common, or different labels of the same row.
    """
    frames = list(aligned({run.name: run.predictions[split] for run in runs}).values())
    result = []
    for head in dict.fromkeys(head for frame in frames for head in heads_of(frame)):
        for metric, scores in score_columns(frames, head).items():
            known = [i for i in range(len(runs)) if not np.isnan(scores[:, i]).all()]
            if len(known) < 2 or known[0] != 0:
                continue
            values, gaps = means(scores[:, known]), differences(scores[:, known])
            result += [
                Verdict(head, metric, runs[i].name, value, gap, int((~np.isnan(scores[:, i])).sum()))
                for i, value, gap in zip(known, values, gaps, strict=True)
            ]
    return result
