"""Means, spreads and medians of the training rows."""

import numpy as np
import pytest

from pipeline.data.kinds.scaling import fit_numbers, mean_and_spread
from pipeline.errors import ConfigError
from tests.data.small_data import HOLES, NAN, NUMBERS, ROWS, all_rows, load_input, refuse_input


def test_blocks_have_the_mean_and_spread_of_all_their_rows() -> None:
    values = np.column_stack([HOLES, NUMBERS[:, 1] * 1e3, np.full(ROWS, NAN)])
    mean, spread = mean_and_spread([values[:1], values[1:5], values[5:]])
    np.testing.assert_allclose(mean[:2], np.nanmean(values[:, :2], axis=0))
    np.testing.assert_allclose(spread[:2], np.nanstd(values[:, :2], axis=0))
    assert np.isnan(mean[2])


def test_a_constant_column_stays_finite() -> None:
    prepared = all_rows(load_input({"kind": "vector", "column": "s.a"}, a=np.full(ROWS, 0.1)))
    assert (np.abs(prepared) < 1e-6).all()


def test_medians_of_several_blocks_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.data.kinds.scaling.SAMPLE", 2)
    rare = np.full(8, NAN)
    rare[1] = 6.0
    values = np.column_stack([np.arange(8.0), rare])
    numbers = fit_numbers([values[:4], values[4:]], ["a", "b"], scale="standard", key="k")
    assert numbers.median.tolist() == [3.0, 6.0]  # of rows 0, 2, 4 and 6; column b is empty in these
    assert numbers.gaps == [1]


def test_an_empty_column_and_an_unknown_scale_are_refused() -> None:
    with pytest.raises(ConfigError, match="no training row has a value in this column"):
        fit_numbers([np.full((3, 1), NAN)], ["a"], scale="standard", key="k")
    refuse_input({"kind": "vector", "scale": "log"}, NUMBERS, "scale", "there is no such scaling")
