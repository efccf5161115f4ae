"""Lists of numbers in one cell of text."""

import numpy as np
import pytest

from pipeline.data.list_cells import holds_list, parse_list, written_lists

NAN = np.nan
MISSING = ("NA", "nan", "NaN")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[1.0, 2.5]", [1.0, 2.5]),
        ("[1, null, NaN, 4e-3]", [1, NAN, NAN, 0.004]),
        ("(1, 2)", [1, 2]),
        ("[0.1 0.2\n 0.3]", [0.1, 0.2, 0.3]),  # as NumPy prints an array
        ("1.0 2.5  -3", [1.0, 2.5, -3]),
        ("1.0,2.5", [1.0, 2.5]),
        ("1.0; 2.5;", [1.0, 2.5]),
        ("1,,3", [1, NAN, 3]),
        ("1 NA 3", [1, NAN, 3]),
        ("5", [5]),
        ("[]", []),
        ("[[1, 2], [3, 4], [5, 6]]", [[1, 2], [3, 4], [5, 6]]),
        ("[[1. 2.]\n [3. 4.]]", [[1, 2], [3, 4]]),
        ("((1, 2), (3, nan))", [[1, 2], [3, NAN]]),
        ("1,2; 3,4; 5,6", [[1, 2], [3, 4], [5, 6]]),
        ("1|2.5|3", [1, 2.5, 3]),
        ('["1", "2.5"]', [1, 2.5]),
        ("[true, False]", [1, 0]),
        ("[np.float64(1.5), np.float32(-2.0)]", [1.5, -2]),
        ("array([1.5, 2. ], dtype=float32)", [1.5, 2]),
        ("[array([1, 2]), array([3, 4])]", [[1, 2], [3, 4]]),
    ],
)
def test_numbers_are_read_as_people_and_programs_write_them(text: str, values: list[float]) -> None:
    np.testing.assert_array_equal(parse_list(text, MISSING), values)


@pytest.mark.parametrize("text", ["1,5 2,5", "1,5;2,5", "[1,5; 2,5]"])
def test_a_decimal_comma_separates_no_numbers(text: str) -> None:
    np.testing.assert_array_equal(parse_list(text, MISSING, ","), [1.5, 2.5])


@pytest.mark.parametrize(
    "text", ["[1, a]", "[[1, 2], [3]]", "[[1, 2], 3]", "[1 2 ... 9]", "[[[1], [2]]]", "[1, 2", "1]"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_list(text, MISSING)


def test_a_cell_with_one_number_is_no_list() -> None:
    assert not any(holds_list(cell, MISSING) for cell in ("1.5", " 2 ", "NA", "word", 3.0, None))
    assert all(holds_list(cell, MISSING) for cell in ("1 2", "[1]", "1,2", "(1;", [1], np.zeros(2)))
    assert not holds_list("1,5", MISSING, ",")


@pytest.mark.parametrize(
    "cells",
    [
        ["['a', 'b c']", "[]", None],
        ['["a", "b c"]', "[]", ""],
        ["{a,b c}", "{}", None],
        ["('a', 'b c')", "()", None],
    ],
)
def test_words_are_read_from_lists_in_text(cells: list[str | None]) -> None:
    assert written_lists(np.array(cells, dtype=object)) == [["a", "b c"], [], None]


def test_words_with_signs_are_kept_and_other_texts_are_no_lists() -> None:
    assert written_lists(np.array(["['it', \"a, b\"]"], dtype=object)) == [["it", "a, b"]]
    assert written_lists(np.array(["[a]", "b"], dtype=object)) is None
    assert written_lists(np.array([None, ""], dtype=object)) is None
