"""How much better an ensemble is than its members, on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.comparison.bootstrap import differences
from pipeline.comparison.scores import BETTER, row_scores
from pipeline.finished.evaluation import Evaluation, evaluation_of
from pipeline.finished.evaluation_record import predictions
from pipeline.finished.members import Members
from pipeline.finished.run import FinishedRun, Forward, Outputs, thresholds_of
from pipeline.model.ensemble import Joined
from pipeline.model.layer_names import PRESENTER

HEADER = ["head", "metric", "single models", "ensemble", "gain", "95 %", ""]


@dataclass(frozen=True)
class Gain:
    """An ensemble's metric beside the mean of those of its members; `gain` is above 0 if it is better."""

    head: str
    metric: str
    single: float
    ensemble: float
    gain: float
    low: float
    high: float

    def words(self) -> str:
        """`better`, `worse` or `within noise`."""
        if self.low > 0 or self.high < 0:
            return "better" if self.low > 0 else "worse"
        return "within noise"

    def cells(self) -> list[str]:
        """The cells of a line below `HEADER`."""
        numbers = [f"{self.single:.4g}", f"{self.ensemble:.4g}", f"{self.gain:+.3g}"]
        return [self.head, self.metric, *numbers, f"{self.low:+.3g} … {self.high:+.3g}", self.words()]


def gains_of(finished: FinishedRun, found: Evaluation, members: Members, joined: Joined) -> list[Gain]:
    """Compare the ensemble with the mean of its members, by each head and metric, paired by row."""
    raw = Forward(joined.singles, finished.batch())(found.rows.raw)
    presenter = Forward(joined.model.get_layer(PRESENTER), finished.batch())
    frames = []
    for place, run in enumerate(members.runs):
        of_member = {name: raw[f"{place} {name}"] for name in members.heads}
        single = finished.with_thresholds(thresholds_of(run))
        frames.append(_frame_of(single, found, members, of_member, presenter(of_member)))
    own = predictions(finished, found).to_pandas()
    return [
        _gain(head, metric, [row_scores(frame, head)[metric] for frame in frames], scores)
        for head in members.heads
        for metric, scores in row_scores(own, head).items()
        if not np.isnan(scores).all()
    ]


def _frame_of(
    finished: FinishedRun,
    found: Evaluation,
    members: Members,
    raw: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Return a member's predictions of the evaluated rows, with losses in the scale of the ensemble."""
    baselines = {name: np.array(facts["constant"]) for name, facts in members.joined.items()}
    outputs_of = Outputs(raw, outputs)
    of_member = evaluation_of(finished, outputs_of, found.rows, found.heads, found.targets, baselines)
    return predictions(finished, of_member).to_pandas()


def _gain(head: str, metric: str, singles: Sequence[np.ndarray], own: np.ndarray) -> Gain:
    scores = np.column_stack([np.mean(singles, axis=0), own])
    gap, sign = differences(scores)[1], BETTER[metric]
    low, high = sorted((sign * gap.low, sign * gap.high))
    single, ensemble = (float(value) for value in np.nanmean(scores, axis=0))
    return Gain(head, metric, single, ensemble, sign * gap.value, low, high)
