"""Reliability diagrams: predicted probabilities against what came true, over labelled rows only."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.metrics import BINS
from pipeline.report.reliability import predicted_and_observed, reliability_drawing
from tests.report.sample import head


def result(kind, labels, outputs):
    return replace(head(kind, rows=len(labels)), labels=labels, outputs=outputs)


def test_the_bars_are_observed_frequencies_by_predicted_probability():
    probability = np.repeat([0.6, 0.9], 50)
    labels = np.where(np.arange(100) % 2 == 0, 0, 1).astype(np.int32)
    labels[:10] = -1
    outputs = np.stack([probability, 1 - probability], axis=1)
    drawing = reliability_drawing("class", result("category", labels, outputs))
    left, right = drawing.figure.axes
    bars = {round(bar.get_x() * BINS): bar.get_height() for bar in left.patches}
    assert bars == {9: pytest.approx(0.5), 13: pytest.approx(0.5)}
    assert sum(bar.get_height() for bar in right.patches) == 90


def test_binary_heads_have_the_figure_and_heads_without_labels_or_probabilities_do_not():
    outputs = np.full((20, 1), 0.25)
    labels = (np.arange(20) % 4 == 0).astype(float)[:, None]
    drawing = reliability_drawing("late", result("binary", labels, outputs))
    assert drawing.alt == "Reliability diagram of head late."
    assert reliability_drawing("late", result("binary", labels * np.nan, outputs)) is None
    assert reliability_drawing("score", result("number", labels, outputs)) is None


def test_the_figure_shows_the_heads_own_calibration_error_or_none():
    made = head("category")
    assert reliability_drawing("class", made).figure.axes[0].get_title(loc="left") == ""
    measured = replace(made, test=made.test | {"ece": 0.0625})
    drawing = reliability_drawing("class", measured)
    assert drawing.alt.endswith("expected calibration error 0.0625.")


def test_every_label_of_a_row_counts_as_one_prediction():
    labels = np.array([[1.0, 0.0], [np.nan, 1.0]])
    outputs = np.array([[0.9, 0.2], [0.5, 0.3]])
    predicted, observed = predicted_and_observed(result("labels", labels, outputs))
    assert predicted.tolist() == [0.9, 0.2, 0.3]
    assert observed.tolist() == [True, False, True]
