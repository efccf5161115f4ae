import gc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.data.columns import Column, strings
from pipeline.data.files import words
from pipeline.data.files.arrow_cells import to_array
from pipeline.data.files.words import coded, from_codes, remembers
from pipeline.data.hashes import cell_hashes
from pipeline.data.missing import is_missing, without_words

CELLS = ["b", None, "a", " ", "True", "b", "NA"] * 10


def read() -> np.ndarray:
    return to_array(pa.array(CELLS))


def test_repeated_texts_of_a_file_remember_their_words():
    column = read()
    codes, distinct = coded(column)
    assert remembers(column)
    assert column.tolist() == CELLS
    assert np.append(distinct, None)[codes].tolist() == CELLS
    assert sorted(distinct) == [" ", "NA", "True", "a", "b"]


def test_another_array_is_coded_anew():
    some = read()[1:4]
    assert not remembers(some)
    codes, distinct = coded(some)
    assert codes.tolist() == [-1, 0, 1]
    assert distinct.tolist() == ["a", " "]


def test_a_column_that_remembers_its_words_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        read()[0] = "c"


def test_words_are_forgotten_with_their_column():
    gc.collect()  # what earlier tests left
    before = len(words._known)
    column = from_codes(np.array([0, -1]), np.array(["a"], dtype=object))
    assert len(words._known) == before + 1
    del column
    gc.collect()
    assert len(words._known) == before


def test_remembered_words_change_no_result():
    column, plain = read(), np.array(CELLS, dtype=object)
    for function in (cell_hashes, is_missing, texts):
        np.testing.assert_array_equal(function(column), function(plain))
    for missing in (["NA", "b"], ["c"]):
        (cells, counts), (others, expected) = without_words(column, missing), without_words(plain, missing)
        assert counts == expected
        np.testing.assert_array_equal(cells, others)


@pytest.mark.parametrize("cells", [["a", "b"], [None, None], ["a", None, "  "], ["True", "true", 1.0]])
def test_texts_know_only_words_that_occur(cells):
    column = texts(np.array(cells, dtype=object))
    if remembers(column):
        codes, distinct = coded(column)
        assert sorted(distinct) == sorted({*column})
        assert distinct[codes].tolist() == column.tolist()
    assert "nan" not in column


def texts(values: np.ndarray) -> np.ndarray:
    return strings(Column("s.a", "key", pd.Series(values, dtype=object).to_numpy(), str))
