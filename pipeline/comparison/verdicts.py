"""Runs -> what differs in their configs, and for each head who is better beyond noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.comparison.bootstrap import Interval, differences, means
from pipeline.comparison.scores import BETTER, aligned, heads_of, table

# How a run was started and kept; what it is does not depend on it.
NOT_CONFIG = ("tracking.", "sweep.", "objective", "trusted_modules")


@dataclass(frozen=True)
class Contender:
    """A finished run.

    Args:
        params: as in MLflow.
        metrics: as in MLflow.
        predictions: split -> the logged table of one row each.
    """

    run_id: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    predictions: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Verdict:
    """One run beside the first one, by one metric of one head."""

    head: str
    metric: str
    run: str
    value: Interval
    difference: Interval
    rows: int

    def words(self) -> str:
        """`better`, `worse` or `within noise`; `the reference` for the first run itself."""
        if self.difference == Interval(0.0, 0.0, 0.0):
            return "the same"
        if self.difference.noise:
            return "within noise"
        return "better" if self.difference.value * BETTER[self.metric] > 0 else "worse"


def differing(runs: Sequence[Contender]) -> list[list[str]]:
    """The params that are not the same in all runs: key, then the value in each run, empty where absent."""
    keys = list(dict.fromkeys(key for run in runs for key in run.params))
    # Beside `optimizer`, which is another, its `_target_` says nothing new.
    keys = [key for key in keys if key.removesuffix("._target_") not in keys or not key.endswith("_target_")]
    rows = [[key, *(run.params.get(key, "") for run in runs)] for key in sorted(keys)]
    return [row for row in rows if len(set(row[1:])) > 1 and not row[0].startswith(NOT_CONFIG)]


def verdicts(runs: Sequence[Contender], split: str) -> list[Verdict]:
    """Every metric of every head, each run beside the first one, on the rows that all predicted.

    Raises:
        ConfigError: the runs share no rows of the split, or have other labels there.
    """
    frames = list(aligned({run.name: run.predictions[split] for run in runs}).values())
    found = []
    for head in dict.fromkeys(head for frame in frames for head in heads_of(frame)):
        for metric, scores in table(frames, head).items():
            known = [i for i in range(len(runs)) if not np.isnan(scores[:, i]).all()]
            if len(known) < 2 or known[0] != 0:
                continue
            values, gaps = means(scores[:, known]), differences(scores[:, known])
            found += [
                Verdict(head, metric, runs[i].name, value, gap, int((~np.isnan(scores[:, i])).sum()))
                for i, value, gap in zip(known, values, gaps, strict=True)
            ]
    return found
