"""Numbers in text: which cells are numbers, and their last bit."""

from decimal import Decimal

import numpy as np
import pytest

from pipeline.data.files.number_words import parse_numbers


def test_texts_give_the_numbers_that_python_reads_to_the_last_bit():
    drawn = np.random.default_rng(0).normal(size=3000) * 10.0 ** np.arange(3000) ** 0.1
    words = [repr(float(number)) for number in drawn] + [f"{number:.3f}" for number in drawn]
    np.testing.assert_array_equal(parse_numbers(words), [float(word) for word in words])


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12", 12.0),
        (" -1.5e3 ", -1500.0),
        ("1_000", np.nan),  # Python would read it
        ("", np.nan),
        ("twelve", np.nan),
        (None, np.nan),
        (7, 7.0),
        (True, 1.0),
        (Decimal("0.1"), 0.1),
        ("inf", np.inf),
    ],
)
def test_other_cells_are_numbers_or_missing(cell, number):
    np.testing.assert_array_equal(parse_numbers([cell, "3"]), [number, 3.0])
