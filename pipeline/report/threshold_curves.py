"""Precision, recall and F1 of heads of several labels over all thresholds."""

import numpy as np
from matplotlib.axes import Axes

from pipeline.page.elements import Drawing
from pipeline.page.style import INK, SERIES, WIDTH, clean, number, panels
from pipeline.report.record import HeadResult
from pipeline.thresholds import Curve

_MOST_COLUMNS = 12


def threshold_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """The curves of each column that has rows of both values, at most 12; empty for other kinds of head."""
    if head.kind != "labels":
        return {}
    both = [column for column, truth in enumerate(head.labels.T) if {*truth[~np.isnan(truth)]} == {0.0, 1.0}]
    if not both:
        return {}
    shown = min(len(both), _MOST_COLUMNS)
    figure, grid = panels(shown, height=2.9, width=WIDTH if shown > 1 else 6.4)
    for axes, column in zip(grid, both, strict=False):
        _draw(axes, Curve.of(head.labels[:, column], head.outputs[:, column]), float(head.limits()[column]))
        axes.set_title(f"{clean(head.names[column], 24)}: yes above {number(float(head.limits()[column]))}")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right upper")
    origin = "chosen as the option `threshold` says" if head.thresholds else "the default"
    caption = (
        f"Precision, recall and F1 of {name} on the test rows, by the probability above which the prediction "
        f"is yes. Vertical line: the threshold in force, {origin}."
    )
    if len(both) > _MOST_COLUMNS:
        caption += f" Only the first {_MOST_COLUMNS} of {len(both)} labels are drawn."
    return {
        f"thresholds_{name}": Drawing(figure, caption, f"Precision and recall of head {name} by threshold.")
    }


def _draw(axes: Axes, curve: Curve, threshold: float) -> None:
    # The colours of binary heads' curves, see `yes_no`.
    for word, values, colour in (
        ("precision", curve.precision, SERIES[1]),
        ("recall", curve.recall, SERIES[3]),
        ("F1", curve.f1, INK),
    ):
        axes.plot(curve.thresholds, values, color=colour, label=word)
    axes.axvline(threshold, color=INK, linewidth=1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), xlabel="threshold")
