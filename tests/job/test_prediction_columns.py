"""Predictions as columns of a table: names, order, types and values for every kind of head."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.job.prediction_columns import (
    PredictionColumns,
    as_arrow,
    class_columns,
    quantile_columns,
    squeezed,
)

FLOATS = pa.list_(pa.float32())
# kind, names, quantiles, number of outputs -> the columns with their types, in order
HEADS = {
    "classes": (
        ("category", ["a", "b", "c"], ()),
        3,
        {"h_predicted": pa.string(), "h_probability": pa.float32(), "h_probabilities": FLOATS},
    ),
    "yes or no": (("binary", ["late"], ()), 1, {"h_predicted": pa.int8(), "h_probability": pa.float32()}),
    "labels": (
        ("labels", ["x", "y"], ()),
        2,
        {"h_predicted": pa.list_(pa.int8()), "h_probability": FLOATS},
    ),
    "a number": (("number", ["x"], ()), 1, {"h_predicted": pa.float32()}),
    "numbers": (("number", ["x", "y"], ()), 2, {"h_predicted": FLOATS}),
    "quantiles": (
        ("number", ["x"], (0.25, 0.5)),
        2,
        {"h_predicted": pa.float32(), "h_q0.25": pa.float32(), "h_q0.5": pa.float32()},
    ),
    "quantiles of numbers": (
        ("number", ["x", "y"], (0.25, 0.5)),
        4,
        {"h_predicted": FLOATS, "h_q0.25": FLOATS, "h_q0.5": FLOATS},
    ),
}


def columns(head, outputs):
    return {name: values.to_pylist() for name, values in head.columns("h", np.float32(outputs)).items()}


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("head", HEADS)
def test_columns_have_their_order_and_types_with_and_without_rows(head, rows):
    arguments, width, expected = HEADS[head]
    found = PredictionColumns(*arguments).columns("h", np.zeros((rows, width), np.float32))
    assert list(found) == list(expected)
    assert {name: values.type for name, values in found.items()} == expected
    assert {len(values) for values in found.values()} == {rows}
    assert all(isinstance(values, pa.Array) for values in found.values())


def test_each_kind_of_head_has_columns_of_its_own():
    found = columns(PredictionColumns("category", ["a", "b"]), [[0.25, 0.75], [1, 0]])
    assert found["h_predicted"] == ["b", "a"]
    assert found["h_probability"] == [0.75, 1.0]
    assert found["h_probabilities"] == [[0.25, 0.75], [1, 0]]
    found = columns(PredictionColumns("binary", ["late"]), [[0.25], [0.75]])
    assert found == {"h_predicted": [0, 1], "h_probability": [0.25, 0.75]}
    found = columns(PredictionColumns("labels", ["x", "y"]), [[0.25, 0.75]])
    assert found == {"h_predicted": [[0, 1]], "h_probability": [[0.25, 0.75]]}
    assert columns(PredictionColumns("number", ["x"]), [[1.5]]) == {"h_predicted": [1.5]}
    assert columns(PredictionColumns("number", ["x", "y"]), [[1.5, 2.5]]) == {"h_predicted": [[1.5, 2.5]]}
    found = columns(PredictionColumns("number", ["x"], [0.1, 0.5, 0.9]), [[1, 2, 4]])
    assert found == {"h_predicted": [2], "h_q0.1": [1], "h_q0.5": [2], "h_q0.9": [4]}


def test_quantiles_of_several_columns_are_grouped_by_quantile():
    # Outputs are in the order of the columns, each with its quantiles.
    found = columns(PredictionColumns("number", ["x", "y"], [0.1, 0.5]), [[1, 2, 30, 40]])
    assert found == {"h_predicted": [[2, 40]], "h_q0.1": [[1, 30]], "h_q0.5": [[2, 40]]}
    assert quantile_columns("h", (), np.ones((1, 2))) == {}


def test_a_probability_of_one_half_is_a_no():
    assert columns(PredictionColumns("binary", ["late"]), [[0.5]])["h_predicted"] == [0]


def test_of_equally_probable_classes_the_first_is_predicted():
    assert class_columns("h", ["a", "b"], np.array([[0.5, 0.5]]))["h_predicted"].tolist() == ["a"]


def test_only_a_single_column_is_squeezed():
    assert squeezed(np.zeros((3, 1))).shape == (3,)
    assert squeezed(np.zeros((3, 2))).shape == (3, 2)
    assert squeezed(np.zeros((0, 1))).shape == (0,)


def test_lists_keep_their_rows_in_any_memory_layout():
    values = np.asfortranarray(np.arange(6).reshape(3, 2))
    assert as_arrow(values).to_pylist() == [[0, 1], [2, 3], [4, 5]]
    assert as_arrow(values[:, 1]).to_pylist() == [1, 3, 5]
    assert as_arrow(values[1:]).to_pylist() == [[2, 3], [4, 5]]


def test_a_missing_word_is_null():
    found = as_arrow(np.array(["a", None], dtype=object))
    assert found.type == pa.string()
    assert found.to_pylist() == ["a", None]
