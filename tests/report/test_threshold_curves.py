"""Curves of precision, recall and F1 over thresholds."""

import numpy as np
import pytest

from pipeline.page.style import look
from pipeline.report.record import HeadResult
from pipeline.report.threshold_curves import threshold_drawings

NAN = float("nan")


def head(kind, labels, names, thresholds=()):
    labels = np.asarray(labels, float)
    outputs = np.random.default_rng(0).uniform(size=labels.shape)
    rows = np.arange(len(labels))
    return HeadResult(
        kind, names, "loss", 1.0, 1.0, 1.0, {}, {}, labels, outputs, rows * 0.0, rows, thresholds=thresholds
    )


def test_each_column_with_both_values_has_a_panel_with_its_threshold():
    labels = [[0, 1, 0], [1, NAN, 0], [1, 0, 0], [0, 1, NAN]]
    with look([]):
        drawings = threshold_drawings("tags", head("labels", labels, ["x", "y", "z"], [0.3, 0.7, 0.5]))
    panels = drawings["thresholds_tags"].figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["x: yes above 0.3", "y: yes above 0.7"]
    for axes, threshold in zip(panels, (0.3, 0.7), strict=True):
        *curves, line = axes.get_lines()
        assert [curve.get_label() for curve in curves] == ["precision", "recall", "F1"]
        assert line.get_xdata()[0] == pytest.approx(threshold)
        assert curves[1].get_ydata()[-1] == 1.0


def test_other_kinds_and_columns_with_one_value_have_none():
    assert threshold_drawings("a", head("number", [[1.0], [2.0]], ["a"])) == {}
    assert threshold_drawings("a", head("labels", [[1.0], [1.0], [NAN]], ["a"])) == {}
    assert threshold_drawings("a", head("binary", [[1.0], [0.0]], ["a"])) == {}  # it has curves of its own
