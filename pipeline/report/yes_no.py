"""Binary heads: how well they rank the rows, and what each threshold would give."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from pipeline.page.chart import Chart, Line, Mark, Plot
from pipeline.page.elements import Drawing, Table
from pipeline.page.style import GREY, INK, SPLITS, number, panels
from pipeline.report.record import HeadResult

_THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)
_MOST_STEPS = 300  # of a curve on the page
_UNIT = (-0.02, 1.02)
_DOTTED: dict[str, Any] = {"color": INK, "linestyle": ":", "linewidth": 1}


def rank_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """ROC, precision against recall, both against the threshold, and the probabilities by true value."""
    truth, score = _known(head)
    both = bool(len(truth)) and 0 < truth.mean() < 1
    figure, grid = panels(4, height=3.1, columns=2, width=8.4)
    roc, ranking, thresholds, spread = grid
    roc.set(xlabel="false positive rate", ylabel="true positive rate", xlim=_UNIT, ylim=_UNIT)
    ranking.set(xlabel="recall", ylabel="precision", xlim=_UNIT, ylim=(-0.02, 1.04))
    thresholds.set(xlabel="threshold", ylabel="precision, recall, f1", xlim=(0, 1), ylim=(-0.02, 1.04))
    if both:
        _draw_curves(roc, ranking, thresholds, truth, score)
        limit = float(head.limits()[0])
        thresholds.axvline(limit, **_DOTTED)
        thresholds.set_title(f"yes above {number(limit)}")
    else:
        for axes in grid[:3]:
            axes.text(0.5, 0.5, "needs positive and negative rows", ha="center", color=GREY)
    edges = np.linspace(0, 1, 21)
    for value, colour in ((0, GREY), (1, SPLITS["test"])):
        counts = np.histogram(score[truth == value], edges)[0]
        spread.stairs(counts, edges, fill=True, color=colour, alpha=0.6, label=f"true {value}")
    spread.set(title=f"{len(truth):,} test rows", xlabel="predicted probability", ylabel="rows", xlim=(0, 1))
    spread.legend()
    caption = (
        f"How well {name} ranks the test rows (dotted: random ranking), precision and recall by threshold "
        "(dotted: the one in force), and predicted probabilities by true value."
    )
    alt = f"ROC curve, precision-recall curve, thresholds and probabilities of head {name}."
    return {
        f"rank_{name}": Drawing(
            figure, caption, alt, _chart(truth, score, float(head.limits()[0])) if both else None
        )
    }


def threshold_table(name: str, head: HeadResult) -> Table:
    """Precision, recall and f1 of the test rows for each of 19 thresholds."""
    truth, score = _known(head)
    rows: list[list[object]] = [
        [
            float(threshold),
            int((score >= threshold).sum()),
            *map(float, at_threshold(truth, score, threshold)),
        ]
        for threshold in _THRESHOLDS
    ]
    columns = ["threshold", "rows predicted yes", "precision", "recall", "f1"]
    return Table(columns, rows if len(truth) else [], f"Thresholds of {name} on test rows.", "folded")


def at_threshold(truth: np.ndarray, score: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """Precision, recall and f1 if rows from `threshold` on are predicted yes; NaN where undefined."""
    chosen, positive = score >= threshold, truth == 1
    hits = float((chosen & positive).sum())
    counts = float(chosen.sum()), float(positive.sum()), float(chosen.sum() + positive.sum()) / 2
    precision, recall, f1 = (hits / count if count else float("nan") for count in counts)
    return precision, recall, f1


def rank_curve(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positive rate, true positive rate and precision per threshold, highest threshold first.

    Args:
        truth: (rows,) 0 or 1, both present.
        score: (rows,) higher means more likely 1; rows of equal score share one threshold.
    """
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(truth[order] == 1)[last_of_ties]
    misses = np.cumsum(truth[order] == 0)[last_of_ties]
    precision = np.append(1.0, hits / (hits + misses))
    return np.append(0, misses) / misses[-1], np.append(0, hits) / hits[-1], precision


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Average precision as in scikit-learn: precision weighted by steps of recall; NaN without positives."""
    if not (truth == 1).any():
        return float("nan")
    if (truth == 1).all():
        return 1.0
    _, recall, precision = rank_curve(truth, score)
    return float(np.sum(np.diff(recall) * precision[1:]))


def _known(head: HeadResult) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(head.labels[:, 0])
    return head.labels[known, 0], head.outputs[known, 0]


def _draw_curves(roc: Axes, ranking: Axes, thresholds: Axes, truth: np.ndarray, score: np.ndarray) -> None:
    blue, dotted = SPLITS["test"], _DOTTED
    false, true, precision = rank_curve(truth, score)
    roc.plot(false, true, color=blue)
    roc.plot([0, 1], [0, 1], **dotted)
    roc.set_title(f"ROC, area {number(float(np.trapezoid(true, false)))}")
    ranking.step(true, precision, where="pre", color=blue)
    ranking.axhline(truth.mean(), **dotted)
    ranking.set_title(f"precision and recall, ap {number(average_precision(truth, score))}")
    steps = np.linspace(0, 1, 101)
    scores = np.array([at_threshold(truth, score, step) for step in steps])
    for values, word, dashes in zip(scores.T, ("precision", "recall", "f1"), ("-", "--", ":"), strict=True):
        thresholds.plot(steps, values, color=blue, linestyle=dashes, label=word)
    thresholds.legend()


def _chart(truth: np.ndarray, score: np.ndarray, limit: float) -> Chart:
    false, true, precision = rank_curve(truth, score)
    kept = np.unique(np.linspace(0, len(true) - 1, _MOST_STEPS).astype(int))
    steps = np.linspace(0, 1, 101)
    scores = np.array([at_threshold(truth, score, step) for step in steps]).T.tolist()
    colours = ("s1", "s3", "grey")
    unit = (_UNIT, (-0.02, 1.04))
    area, ap = float(np.trapezoid(true, false)), average_precision(truth, score)
    edges = np.linspace(0, 1, 21)
    outline = np.repeat(edges, 2)[1:-1].tolist()
    counts = [np.repeat(np.histogram(score[truth == value], edges)[0], 2).tolist() for value in (0, 1)]
    return Chart(
        [
            Plot(
                f"ROC, area {number(area)}",
                [Line("ranking", true[kept].tolist(), false[kept].tolist())],
                "false positive rate",
                "true positive rate",
                [Mark("random")],
                limits=unit,
            ),
            Plot(
                f"precision and recall, ap {number(ap)}",
                [Line("ranking", precision[kept].tolist(), true[kept].tolist())],
                "recall",
                "precision",
                [Mark("random", y=float(truth.mean()))],
                limits=unit,
            ),
            Plot(
                "thresholds",
                [
                    Line(word, values, steps.tolist(), colour)
                    for word, values, colour in zip(
                        ("precision", "recall", "f1"), scores, colours, strict=True
                    )
                ],
                "threshold",
                marks=[Mark(number(limit), x=limit)],
                limits=((0.0, 1.0), (-0.02, 1.04)),
            ),
            Plot(
                f"{len(truth):,} test rows",
                [
                    Line(f"true {value}", counts[value], outline, colour=("grey", "test")[value])
                    for value in (0, 1)
                ],
                "predicted probability",
                "rows",
                limits=((0.0, 1.0), None),
            ),
        ]
    )
