"""Test results of each head, drawn according to the kind of its target."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.page.elements import Drawing, Table
from pipeline.page.style import COLOUR_MAP, COLOURS, GREY, INK, WIDTH, clean, number, numbered, panels
from pipeline.report.confusion import confusion_drawings, confusion_tables
from pipeline.report.record import HeadResult

_MOST_COLUMNS = 12
_MOST_LABELS = 40
_MOST_POINTS = 4000  # more than this are drawn as a density


def headlines(heads: dict[str, HeadResult]) -> dict[str, Table]:
    """Tables of the heads' test results: one for the page for each set of metrics, and all heads as a CSV.

    Skill and loss come first. Heads of one kind share a table, so that no cell is empty and none is cut.
    """
    groups: dict[tuple[str, ...], dict[str, HeadResult]] = {}
    for name, head in heads.items():
        words = tuple(word for word in head.test if word not in ("loss", "skill"))
        groups.setdefault(words, {})[name] = head
    tables = {
        "heads" if len(groups) == 1 else f"heads_{number}": _headline(list(words), group)
        for number, (words, group) in enumerate(groups.items(), start=1)
    }
    if len(groups) > 1:
        every = list(dict.fromkeys(word for words in groups for word in words))
        tables["heads"] = replace(_headline(every, heads), show="file")
    last = list(tables)[len(groups) - 1]
    caption = (
        "Test rows, with the weights of the kept epoch. Skill: 0 = no better than the baseline, which is the "
        "best constant prediction; 1 = perfect."
    )
    return tables | {last: replace(tables[last], caption=caption)}


def _headline(words: list[str], heads: dict[str, HeadResult]) -> Table:
    rows: list[list[object]] = [
        [
            name,
            *(float(head.test.get(word, np.nan)) for word in ("skill", "loss")),
            float(head.baseline),
            *(float(head.test.get(word, np.nan)) for word in words),
            float(head.weight),
        ]
        for name, head in heads.items()
    ]
    return Table(["head", "skill", "loss", "baseline loss", *words, "weight"], rows)


def all_scores(heads: dict[str, HeadResult]) -> Table:
    """Every metric of every head on validation and test rows, one per row, for other programs."""
    rows: list[list[object]] = [
        [name, split, word, value]
        for name, head in heads.items()
        for split, metrics in (("val", head.val), ("test", head.test))
        for word, value in metrics.items()
    ]
    return Table(["head", "split", "metric", "value"], rows, show="file")


def skills(heads: dict[str, HeadResult]) -> Drawing:
    """The skill of every head on validation and test rows."""
    figure, (axes,) = panels(1, height=0.55 * len(heads) + 0.5)
    lowest, exact = 0.0, []
    for place, (name, head) in enumerate(heads.items()):
        for shift, colour, split, metrics in (
            (-0.2, COLOURS[5], "val", head.val),
            (0.2, COLOURS[0], "test", head.test),
        ):
            skill = float(metrics.get("skill", np.nan))
            shown = float(np.clip(np.nan_to_num(skill), -1, 1))
            axes.barh(place + shift, shown, height=0.36, color=colour, label=split if place == 0 else None)
            axes.text(max(shown, 0) + 0.01, place + shift, number(skill), va="center", fontsize=8)
            exact.append(f"{name} {split} {number(skill)}")
            lowest = min(lowest, shown)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set(yticks=range(len(heads)), yticklabels=[clean(name, 30) for name in heads])
    axes.set(xlim=(lowest - 0.02, 1.1), xlabel="skill (0 = baseline, 1 = perfect)")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside right upper")
    caption = "Skill = 1 - loss / baseline loss. Bars are cut off at -1; the numbers are exact."
    return Drawing(figure, caption, "Skill per head: " + ", ".join(exact))


def result_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """Figures of a head's test results by file name; raises KeyError for an unknown kind."""
    draw: dict[str, Callable[[str, HeadResult], dict[str, Drawing]]] = {
        "category": confusion_drawings,
        "number": _scatters,
        "binary": _rank_curves,
        "labels": _label_bars,
    }
    return draw[head.kind](name, head)


def result_tables(name: str, head: HeadResult) -> dict[str, Table]:
    """Tables of a head's test results by file name."""
    if head.kind == "category":
        return confusion_tables(name, head)
    return {f"labels_{name}": _label_table(head)} if head.kind == "labels" else {}


def _scatters(name: str, head: HeadResult) -> dict[str, Drawing]:
    columns = min(len(head.names), _MOST_COLUMNS)
    figure, grid = panels(columns, height=3.6, width=5.2 if columns == 1 else WIDTH)
    for column, axes in enumerate(grid):
        truth, predicted = head.labels[:, column], head.outputs[:, column]
        known = np.isfinite(truth) & np.isfinite(predicted)
        _scatter(axes, figure, truth[known], predicted[known], clean(head.names[column], 36))
    caption = f"Predicted against true {', '.join(head.names[:columns])}. Predictions on the line are exact."
    if columns < len(head.names):
        caption += f" Only the first {columns} of {len(head.names)} columns are drawn."
    alt = f"Predicted against true values of head {name}, with the diagonal."
    return {f"predicted_{name}": Drawing(figure, caption, alt)}


def _scatter(axes: Axes, figure: Figure, truth: np.ndarray, predicted: np.ndarray, unit: str) -> None:
    axes.set(xlabel=f"true {unit}", ylabel=f"predicted {unit}", title=f"{len(truth):,} test rows")
    if not len(truth):
        return
    low, high = float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))
    margin = 0.04 * (high - low) or 0.5
    limits = (low - margin, high + margin)
    if len(truth) > _MOST_POINTS:
        cells = axes.hexbin(
            truth, predicted, gridsize=45, cmap=COLOUR_MAP, mincnt=1, bins="log", extent=limits * 2
        )
        figure.colorbar(cells, ax=axes, label="rows", shrink=0.8)
    else:
        axes.scatter(truth, predicted, s=12, alpha=0.35, color=COLOURS[0], linewidths=0)
    axes.plot(limits, limits, color=COLOURS[5], linewidth=1.2)
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def _rank_curves(name: str, head: HeadResult) -> dict[str, Drawing]:
    known = np.isfinite(head.labels[:, 0])
    truth, score = head.labels[known, 0], head.outputs[known, 0]
    figure, (roc, precision_recall, spread) = panels(3, height=3.3)
    rate = truth.mean() if len(truth) else np.nan
    roc.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    precision_recall.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    if 0 < rate < 1:
        false, true, precision = rank_curve(truth, score)
        roc.plot(false, true, color=COLOURS[0])
        roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
        roc.set_title(f"ROC, area {number(float(np.trapezoid(true, false)))}")
        precision_recall.step(true, precision, where="pre", color=COLOURS[0])
        precision_recall.axhline(rate, color=GREY, linestyle=":", linewidth=1)
        precision_recall.set_title(f"precision and recall, ap {number(average_precision(truth, score))}")
    else:
        for axes in (roc, precision_recall):
            axes.text(0.5, 0.5, "needs positive and negative rows", ha="center", color=GREY)
    edges = np.linspace(0, 1, 21)
    for value, colour in ((0, COLOURS[1]), (1, COLOURS[0])):
        counts = np.histogram(score[truth == value], edges)[0]
        spread.stairs(counts, edges, fill=True, color=colour, alpha=0.6, label=f"true {value}")
    spread.set(title=f"{len(truth):,} test rows", xlabel="predicted probability", ylabel="rows", xlim=(0, 1))
    spread.legend()
    caption = (
        f"How well {name} ranks the test rows; dotted: random ranking. "
        "Right: predicted probabilities by true value."
    )
    alt = f"ROC curve, precision-recall curve and probabilities of head {name}."
    return {f"rank_{name}": Drawing(figure, caption, alt)}


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


def _label_table(head: HeadResult) -> Table:
    rows: list[list[object]] = []
    for column, label in enumerate(numbered(head.names)):
        known = np.isfinite(head.labels[:, column])
        truth, score = head.labels[known, column], head.outputs[known, column]
        chosen = score >= 0.5
        hits = int((chosen & (truth == 1)).sum())
        counted = int(chosen.sum() + (truth == 1).sum())
        f1 = 2 * hits / counted if counted else float("nan")
        rows.append([label, int(known.sum()), int((truth == 1).sum()), f1, average_precision(truth, score)])
    return Table(
        ["label", "rows", "positive", "f1", "ap"],
        rows,
        "Results per label on test rows; f1 at a threshold of 0.5.",
    )


def _label_bars(name: str, head: HeadResult) -> dict[str, Drawing]:
    rows = _label_table(head).rows
    if len(rows) > _MOST_LABELS:
        lowest = np.argsort(np.array([row[4] for row in rows], dtype=float), kind="stable")[:_MOST_LABELS]
        rows = [rows[place] for place in sorted(lowest)]
    figure, (axes,) = panels(1, height=0.34 * len(rows) + 0.5)
    for shift, column, word, colour in ((-0.2, 3, "f1", COLOURS[1]), (0.2, 4, "ap", COLOURS[0])):
        values = np.array([row[column] for row in rows], dtype=float)
        bars = axes.barh(
            np.arange(len(rows)) + shift, np.nan_to_num(values), height=0.36, color=colour, label=word
        )
        axes.bar_label(bars, [f" {value:.2f}" if value == value else " –" for value in values], fontsize=7.5)
    axes.set_yticks(range(len(rows)), [clean(row[0], 30) for row in rows])
    axes.set(xlim=(0, 1.06), xlabel="f1, ap")
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside right upper")
    caption = f"f1 (at a threshold of 0.5) and average precision (ap) of each label of {name}."
    if len(rows) < len(head.names):
        caption += f" Only the {len(rows)} of {len(head.names)} labels with the lowest ap are drawn."
    return {f"labels_{name}": Drawing(figure, caption, f"f1 and average precision per label of head {name}.")}
