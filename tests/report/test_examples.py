"""The test rows with the highest loss: in order, with their label, prediction and inputs."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.report import InputExamples, examples
from tests.pages import assert_nothing_cut, words
from tests.report.sample import NAN, head, images, record


def draw_worst(inputs, kind="number", **changes):
    rows = len(next(iter(next(iter(inputs.values())).values.values())))
    made = record({"only": replace(head(kind, rows=rows), **changes)}, inputs=inputs)
    return examples.worst_drawing(made, "only")


def test_worst_rows_come_first_and_unlabelled_rows_never():
    made = replace(head("number", rows=5), row_loss=np.array([0.1, NAN, 3.0, np.inf, 2.0]))
    assert examples.worst(made).tolist() == [3, 2, 4, 0]
    assert len(examples.worst(head("number", rows=40))) == 12


def test_the_table_of_worst_rows_has_row_label_prediction_and_loss():
    made = replace(
        head("category", rows=2, names=["other", "tree", "water"]),
        labels=np.array([1, 2]),
        outputs=np.array([[0.1, 0.2, 0.7], [0.0, 0.1, 0.9]]),
        row_loss=np.array([1.5, 0.1]),
        rows=np.array([17, 4]),
    )
    table = examples.worst_table(record({"class": made}), "class")
    assert table.columns == ["row", "true", "predicted", "loss"]
    assert table.rows == [[17, "tree", "water (0.70)", 1.5], [4, "water", "water (0.90)", 0.1]]


def test_of_many_inputs_pictures_are_drawn_first_and_of_fewer_rows(drawing):
    cells = np.array(["text"] * 40, dtype=object)
    many = {f"text_{n}": InputExamples("text", {f"text_{n}": cells}) for n in range(15)}
    many["image"] = InputExamples("image", {"image": images()})
    drawn = examples.worst_drawing(record(inputs=many), "class")
    assert len(drawn.figure.axes[0].images) == 4
    assert "Only 6 of 16 inputs are drawn." in drawn.caption


@pytest.mark.parametrize("inputs", [0, 1, 2, 3, 4, 6])
def test_any_number_of_inputs_fits_the_page(drawing, inputs):
    many = {f"input_{n}": InputExamples("image", {f"input_{n}": images()}) for n in range(inputs)}
    figure = examples.worst_drawing(record(inputs=many), "class").figure
    assert len(figure.axes[0].images) == 12 * inputs
    assert figure.get_figwidth() <= 10.8
    assert_nothing_cut(figure)


def test_of_many_columns_those_with_the_largest_errors_are_shown(drawing):
    labels = np.zeros((3, 6))
    labels[1] = 10.0
    labels[0, 5] = NAN
    outputs = labels + np.array([0, 5, 1, 4, 3, 2.0])
    inputs = {"image": InputExamples("image", {"image": images(3)})}
    drawn = draw_worst(inputs, names=list("abcdef"), labels=labels, outputs=outputs)
    seen = words(drawn.figure).split("\n")
    assert "b 0 → 5" in seen
    assert "… 2 more" in seen
    assert not any(line.startswith("a ") for line in seen)


def test_predicted_labels_are_listed_and_long_lists_end_in_dots(drawing):
    names = [f"label number {n}" for n in range(20)]
    drawn = draw_worst(
        {"image": InputExamples("image", {"image": images(2)})},
        kind="labels",
        names=names,
        labels=np.array([[0] * 20, [1] * 20]),
        outputs=np.array([[0.9] + [0.1] * 19] * 2),
    )
    seen = words(drawn.figure)
    assert "true none" in seen
    assert " …" in seen


def test_the_caption_explains_how_series_are_drawn(drawing):
    series = np.random.default_rng(0).random((2, 9, 3))
    inputs = {
        "pen": InputExamples("series", {"pen": series[..., :2]}),
        "weather": InputExamples("series", {"weather": series}),
    }
    caption = draw_worst(inputs).caption
    assert "pen: the pen's path" in caption
    assert "weather: one line per channel over the steps" in caption
