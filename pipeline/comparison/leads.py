"""Which run wins each head, by how much, and whether that is beyond noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.comparison.bootstrap import Interval, differences
from pipeline.comparison.scores import BETTER, aligned, heads_of, score_columns
from pipeline.comparison.verdicts import Contender
from pipeline.page.style import enumerated, number

CERTAINTY = 0.95
LISTED = 4  # heads that the sentence tells of with their intervals
IN_FULL = ("accuracy", "mae", "loss")  # the first of these that a head has decides


@dataclass(frozen=True)
class Lead:
    """The best run of one head, and the gaps of the others to it.

    Args:
        values: run -> mean of the metric over the shared rows.
        gaps: run -> its value minus that of the best, which the best itself has not; the intervals of all
            pairs of runs hold jointly, because the best run is chosen by its value.
        rows: how many of the shared rows have a label.
    """

    head: str
    metric: str
    values: Mapping[str, float]
    best: str
    gaps: Mapping[str, Interval]
    rows: int

    @property
    def second(self) -> str:
        """The run that comes next."""
        return min(self.gaps, key=lambda run: -BETTER[self.metric] * self.gaps[run].value)

    @property
    def tied(self) -> list[str]:
        """The other runs with exactly the same value as the best."""
        return [run for run, gap in self.gaps.items() if gap.value == 0]

    @property
    def certain(self) -> bool:
        """Whether the best run is ahead of every other one beyond noise."""
        return not any(gap.noise for gap in self.gaps.values())

    def tone(self, run: str) -> Literal["best", "noise", "worse"]:
        """What a run is compared with the best one."""
        if run == self.best or run in self.tied:
            return "best"
        return "noise" if self.gaps[run].noise else "worse"


def leads(runs: Sequence[Contender], split: str) -> list[Lead]:
    """The lead of each head that at least two runs predict, on the rows that all of them predicted.

    A head is judged by its accuracy or absolute error if it has one, as runs may have different losses.
    """
    frames = list(aligned({run.name: run.predictions[split] for run in runs}).values())
    found = []
    for head in dict.fromkeys(head for frame in frames for head in heads_of(frame)):
        of_head = score_columns(frames, head)
        metric = next(metric for metric in IN_FULL if metric in of_head)
        scores = of_head[metric]
        known = [i for i in range(len(runs)) if not np.isnan(scores[:, i]).all()]
        if len(known) > 1:
            found.append(_lead(head, metric, [runs[i].name for i in known], scores[:, known]))
    return found


def _lead(head: str, metric: str, names: list[str], scores: np.ndarray) -> Lead:
    means = np.nanmean(scores, axis=0)
    order = np.argsort(-BETTER[metric] * means, kind="stable")
    # `differences` makes the pairs with the first run hold jointly; here it is all pairs of runs.
    confidence = 1 - (1 - CERTAINTY) * 2 / len(names)
    gaps = differences(scores[:, order], confidence)
    ordered = [names[i] for i in order]
    return Lead(
        head,
        metric,
        dict(zip(names, means.tolist(), strict=True)),
        ordered[0],
        dict(zip(ordered[1:], gaps[1:], strict=True)),
        int((~np.isnan(scores[:, 0])).sum()),
    )


def opening(found: Sequence[Lead], split: str, rows: int) -> str:
    """A sentence: who wins which head, by how much, beyond noise or not, and on how many shared rows."""
    if not found:
        return f"No head was predicted by two of these runs on the {rows:,} shared {split} rows."
    short = len(found) > LISTED
    won = [lead for lead in found if lead.certain]
    parts = []
    for run in dict.fromkeys(lead.best for lead in won):
        listed = enumerated([_won(lead, short) for lead in won if lead.best == run])
        parts.append(f"{run} wins {listed}, beyond noise")
    if uncertain := [lead for lead in found if not lead.certain]:
        listed = enumerated([_uncertain(lead, short) for lead in uncertain], "or")
        parts.append(f"no run is best beyond noise for {listed}")
    return f"On the {rows:,} {split} rows that all runs predicted, {'; '.join(parts)}."


def _won(lead: Lead, short: bool) -> str:
    gap = lead.gaps[lead.second]
    if short:
        return f"{lead.head} ({lead.metric} {_size(gap)} {_word(lead)})"
    value = number(lead.values[lead.best])
    return f"{lead.head} ({lead.metric} {value}, {_size(gap)} {_word(lead)} than {lead.second}{_ends(gap)})"


def _uncertain(lead: Lead, short: bool) -> str:
    if short:
        return lead.head
    if lead.tied:
        best, runs = len(lead.tied) + 1, len(lead.values)
        which = f"{best} of {runs}" if best < runs else "both" if runs == 2 else f"all {runs}"
        return f"{lead.head} ({lead.metric} {number(lead.values[lead.best])} in {which} runs)"
    close = lead.gaps[lead.second]
    value = f"{lead.metric} {number(lead.values[lead.best])} of {lead.best}"
    return f"{lead.head} ({value}, {_size(close)} {_word(lead)} than {lead.second}{_ends(close)})"


def _word(lead: Lead) -> str:
    return "more" if BETTER[lead.metric] > 0 else "less"


def _size(gap: Interval) -> str:
    return f"{abs(gap.value):.2g}"


def _ends(gap: Interval) -> str:
    """The interval of how far the best run is ahead: the gaps are negative where more is better."""
    ends = sorted((gap.low, gap.high) if gap.value > 0 else (-gap.low, -gap.high))
    return f", interval {ends[0]:.2g} … {ends[1]:.2g}"
