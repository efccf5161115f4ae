"""Quotas: many small strata match the fractions as a whole, and so do their classes."""

import numpy as np
import pytest

from pipeline.data.quotas import Balanced, Carried, Quota

FRACTIONS = [0.7, 0.15, 0.15]


def given(quota: Quota, sizes: list[int]) -> np.ndarray:
    """(strata, splits) how many rows of each stratum are in each split."""
    counts = []
    for stratum, size in enumerate(sizes):
        first, second = quota.bounds(stratum, size)
        counts.append([int(first), int(second - first), int(size - second)])
        quota.given(stratum, counts[-1])
    return np.array(counts)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_small_strata_match_the_fractions_together(size: int) -> None:
    strata = 200 // size
    for quota in (Balanced(FRACTIONS, np.arange(strata)[:, None]), Carried(FRACTIONS)):
        counts = given(quota, [size] * strata)
        assert (counts >= 0).all()
        if size > 1:  # of single rows, `Carried` trains all
            assert np.abs(counts.sum(axis=0) - np.multiply(FRACTIONS, strata * size)).max() <= 2


def test_every_class_of_every_column_matches_the_fractions_if_the_strata_are_single_rows() -> None:
    classes = np.stack([np.arange(400) % 5, np.arange(400) // 5 % 4, np.arange(400) // 20 % 2], axis=1)
    counts = given(Balanced(FRACTIONS, classes), [1] * 400)
    for column in classes.T:
        for value in np.unique(column):
            rows = counts[column == value]
            assert np.abs(rows.sum(axis=0) - np.multiply(FRACTIONS, len(rows))).max() <= 2


def test_what_groups_took_too_much_is_given_back() -> None:
    quota = Balanced(FRACTIONS, np.zeros((2, 1), dtype=int))
    quota.given(0, [20, 0, 0])
    assert quota.bounds(1, 1) != (1, 1)


def test_carried_trains_a_row_of_every_stratum() -> None:
    assert (given(Carried([0.1, 0.45, 0.45]), [2] * 50)[:, 0] == 1).all()
