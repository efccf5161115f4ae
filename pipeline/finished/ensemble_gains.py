"""How much better an ensemble is than its members, on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.comparison.bootstrap import differences
from pipeline.comparison.scores import BETTER, row_scores
from pipeline.finished.evaluation import Evaluation, evaluation_of
from pipeline.finished.evaluation_record import predictions
from pipeline.finished.members import Members
from pipeline.finished.run import FinishedRun, Forward, Outputs, thresholds_of
from pipeline.model.ensemble import Joined, raw_of
from pipeline.model.layer_names import PRESENTER

CALIBRATED = "calibrated_loss"  # of single models at temperatures of their own
WORDS = {CALIBRATED: "loss, calibrated"}
SIGNS = BETTER | {CALIBRATED: BETTER["loss"]}
HEADER = ["head", "metric", "single models", "ensemble", "gain", "95 %", ""]


Scores = dict[str, dict[str, np.ndarray]]  # head -> metric -> (rows,)


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
        return [
            self.head,
            WORDS.get(self.metric, self.metric),
            *numbers,
            f"{self.low:+.3g} … {self.high:+.3g}",
            self.words(),
        ]


def gains_of(finished: FinishedRun, found: Evaluation, members: Members, joined: Joined) -> list[Gain]:
    """Compare the ensemble with the mean of its members, by each head and metric, paired by row.

    The ensemble is calibrated and its members may not be. So of class heads, the loss is also compared with
    that of the members at temperatures that fit the rows that each held out: what is left is the gain of
    joining them.
    """
    raw = Forward(joined.singles, finished.batch())(found.rows.raw)
    presenter = Forward(joined.model.get_layer(PRESENTER), finished.batch())
    scores: list[Scores] = []
    for (place, run), temperatures in zip(enumerate(members.runs), members.own_temperatures(), strict=True):
        of_member = {name: raw[f"{place} {name}"] for name in members.heads}
        single = finished.with_thresholds(thresholds_of(run))
        readable = presenter(of_member)
        plain = _scores(_frame_of(single, found, members, of_member, readable), members)
        calibrated = of_member | _calibrated(members, readable, temperatures)
        again = _scores(_frame_of(single, found, members, calibrated, presenter(calibrated)), members)
        scores.append({name: plain[name] | _of_calibrated(again, name, temperatures) for name in plain})
    own = _scores(predictions(finished, found).to_pandas(), members)
    own = {name: own[name] | _of_calibrated(own, name, temperatures) for name in own}
    return [
        _gain(head, metric, [one[head][metric] for one in scores], of_ensemble)
        for head in members.heads
        for metric, of_ensemble in own[head].items()
        if not np.isnan(of_ensemble).all()
    ]


def _calibrated(
    members: Members, readable: Mapping[str, np.ndarray], temperatures: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Return the raw outputs of a member's class heads at these temperatures."""
    return {
        name: np.asarray(raw_of(members.heads[name], members.targets[name], readable[name], by), np.float32)
        for name, by in temperatures.items()
    }


def _of_calibrated(scores: Scores, head: str, temperatures: Mapping[str, float]) -> dict[str, np.ndarray]:
    return {CALIBRATED: scores[head]["loss"]} if head in temperatures else {}


def _scores(frame: pd.DataFrame, members: Members) -> Scores:
    return {head: row_scores(frame, head) for head in members.heads}


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
    gap, sign = differences(scores)[1], SIGNS[metric]
    low, high = sorted((sign * gap.low, sign * gap.high))
    single, ensemble = (float(value) for value in np.nanmean(scores, axis=0))
    gain = 0.0 if np.isclose(single, ensemble, rtol=1e-12, atol=0.0) else sign * gap.value
    return Gain(head, metric, single, ensemble, gain, low, high)
