"""Words for yes and no become 1 and 0."""

import numpy as np
import pytest

from pipeline.data.columns import Column
from pipeline.data.truths import NO, YES, truths
from pipeline.errors import ConfigError
from tests.data.small_data import objects


def column(*cells: object) -> Column:
    return Column("s.a", "data.targets.y.column", objects(*cells), lambda row: f"a.csv, row {row}")


def test_every_word_for_yes_is_1_and_every_word_for_no_0_in_any_case() -> None:
    for words, value in ((YES, 1.0), (NO, 0.0)):
        for form in (str.lower, str.upper, str.title, " {} ".format):
            assert truths(column(*map(form, words))).tolist() == [value] * len(words)


def test_missing_cells_are_neither() -> None:
    np.testing.assert_array_equal(truths(column("yes", None, " ", "NA")), [1, np.nan, np.nan, np.nan])


def test_another_word_is_refused_with_its_row() -> None:
    with pytest.raises(ConfigError, match=r"neither yes nor no.*row 1(.|\n)*found: +'maybe'"):
        truths(column("yes", "maybe"))


def test_one_of_two_words_is_named_for_yes() -> None:
    assert truths(column("ill", "well", "ill"), "ill").tolist() == [1, 0, 1]
    for cells in (("ill", "well", "dead"), ("well", "well")):
        with pytest.raises(ConfigError) as caught:
            truths(column(*cells), "ill")
        assert caught.value.key == "data.targets.y.yes"


def test_later_rows_may_lack_the_word_for_yes() -> None:
    assert truths(column("well"), "ill", must_occur=False).tolist() == [0]
