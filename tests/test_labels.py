"""Which encoded labels are missing."""

import numpy as np

from pipeline.labels import class_codes, complete_rows, labelled_cells, labelled_rows

NAN = np.nan


def test_a_code_below_zero_is_missing():
    codes = np.array([0, -1, 3], "int32")
    for function in (labelled_cells, labelled_rows, complete_rows):
        assert function(codes).tolist() == [True, False, True]


def test_nan_is_missing_cell_by_cell():
    labels = np.array([[0.0, -1.0], [NAN, 1.0], [NAN, NAN]], "float32")
    assert labelled_cells(labels).tolist() == [[True, True], [False, True], [False, False]]
    assert labelled_rows(labels).tolist() == [True, True, False]
    assert complete_rows(labels).tolist() == [True, False, False]


def test_no_rows_give_no_answers():
    assert labelled_rows(np.zeros((0, 2), "float32")).shape == (0,)
    assert complete_rows(np.zeros(0, "int64")).shape == (0,)


def test_the_code_of_a_distribution_is_its_likeliest_class():
    labels = np.array([[0.2, 0.8], [NAN, NAN], [0.5, 0.5]], "float32")
    assert class_codes(labels).tolist() == [1, -1, 0]
    assert class_codes(np.array([2, -1], "int32")).tolist() == [2, -1]
