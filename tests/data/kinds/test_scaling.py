"""Scales of numbers: robust, standard and by quantiles, fitted on training rows and computed in float64."""

from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.data.kinds.prepare import prepare_rows
from pipeline.data.kinds.scaling import (
    FAR,
    LIMIT,
    Statistics,
    fit_numbers,
    mean_and_spread,
    scale_of,
)
from pipeline.errors import ConfigError
from tests.data.small_data import HOLES, NAN, NUMBERS, ROWS, all_rows, load_input, refuse_input

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(50, 4, 2000)


def scaled(train: np.ndarray, scale: str, values: np.ndarray | None = None) -> np.ndarray:
    """One column, scaled by its training rows."""
    tensor = keras.Input((1,), dtype="float64")
    model = keras.Model(tensor, scale_of(Statistics.of([train[:, None]]), scale)(tensor))
    return np.asarray(model(train[:, None] if values is None else values[:, None]))[:, 0]


def test_blocks_have_the_mean_and_spread_of_all_their_rows() -> None:
    values = np.column_stack([HOLES, NUMBERS[:, 1] * 1e3, np.full(ROWS, NAN)])
    mean, spread = mean_and_spread([values[:1], values[1:5], values[5:]])
    np.testing.assert_allclose(mean[:2], np.nanmean(values[:, :2], axis=0))
    np.testing.assert_allclose(spread[:2], np.nanstd(values[:, :2], axis=0))
    assert np.isnan(mean[2])


def test_a_constant_column_stays_finite() -> None:
    for scale in ("robust", "standard", "quantile"):
        entry = {"kind": "vector", "column": "s.a", "scale": scale}
        assert (np.abs(all_rows(load_input(entry, a=np.full(ROWS, 0.1)))) < 1e-6).all()


def test_medians_of_several_blocks_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.data.kinds.scaling.SAMPLE", 2)
    rare = np.full(8, NAN)
    rare[1] = 6.0
    values = np.column_stack([np.arange(8.0), rare])
    statistics = Statistics.of([values[:4], values[4:]])
    numbers = fit_numbers(statistics, ["a", "b"], scale="standard", key="k")
    assert numbers.median.tolist() == [3.0, 6.0]  # of rows 0, 2, 4 and 6; column b is empty in these
    assert numbers.gaps == [1]


def test_an_empty_column_and_an_unknown_scale_are_refused() -> None:
    with pytest.raises(ConfigError, match="no training row has a value in this column"):
        fit_numbers(Statistics.of([np.full((3, 1), NAN)]), ["a"], scale="standard", key="k")
    refuse_input({"kind": "vector", "scale": "log"}, NUMBERS, "scale", "there is no such scaling")


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile"])
@pytest.mark.parametrize(
    ("offset", "factor"), [(1.7e9, 1.0), (2460000.5, 1e-3), (1e9, 5.0), (13.4, 1e-6), (-1e12, 0.1)]
)
def test_a_column_far_from_0_is_scaled_as_without_its_offset(
    scale: str, offset: float, factor: float
) -> None:
    near = factor * (NORMAL - 50)
    np.testing.assert_allclose(scaled(near + offset, scale), scaled(near, scale), atol=2e-3)


def test_robust_numbers_are_hardly_changed_by_wild_cells_and_never_beyond_the_limit() -> None:
    wild = NORMAL.copy()
    wild[:5] = 1e9, -1e30, 3e38, 1000, -1000
    found, clean = scaled(wild, "robust"), scaled(NORMAL, "robust")
    np.testing.assert_allclose(found[5:], clean[5:], atol=0.03)
    np.testing.assert_allclose(found[:3], [LIMIT, -LIMIT, LIMIT], rtol=1e-6)
    middle = np.abs(clean) < 1
    standard = (NORMAL[middle] - NORMAL.mean()) / NORMAL.std()
    np.testing.assert_allclose(clean[middle], standard, atol=0.1)


@pytest.mark.parametrize(
    "column",
    [
        (RANDOM.random(2000) < 0.5).astype(float),
        (RANDOM.random(2000) < 0.1).astype(float),
        (RANDOM.random(2000) < 0.01).astype(float),
        (RANDOM.random(2000) < 0.003).astype(float),
        RANDOM.poisson(0.3, 2000).astype(float),
        RANDOM.integers(0, 6, 2000).astype(float),
        np.where(RANDOM.random(2000) < 0.8, 0.0, RANDOM.exponential(100, 2000)),
        np.where(RANDOM.random(2000) < 0.8, RANDOM.normal(0, 1e-9, 2000), RANDOM.exponential(100, 2000)),
        np.exp(RANDOM.normal(0, 1, 2000)),
        np.exp(RANDOM.normal(0, 3, 2000)),
        np.r_[np.zeros(1999), 1e9],
    ],
    ids=["coin", "tenth", "rare", "very rare", "counts", "dice", "zeros", "noise", "skewed", "very", "one"],
)
def test_columns_whose_quartiles_describe_them_badly_are_not_blown_up(column: np.ndarray) -> None:
    spread = Statistics.of([column[:, None]]).robust_spread[0]
    far = np.abs(column - np.median(column)) > FAR * spread
    assert far.mean() <= 0.05
    assert np.isfinite(scaled(column, "robust")).all()


def test_codes_for_missing_cells_do_not_hide_the_others() -> None:
    coded = np.where(RANDOM.random(2000) < 0.03, -999.0, NORMAL)
    assert scaled(coded, "robust")[coded > -999].std() > 0.8


def test_quantiles_give_any_column_a_normal_distribution() -> None:
    found = scaled(np.exp(NORMAL), "quantile", np.exp(np.sort(NORMAL)))
    assert (np.diff(found) >= 0).all()
    assert found.std() == pytest.approx(1, abs=0.1)
    ties = scaled(np.repeat([0.0, 1.0, 5.0], [600, 300, 100]), "quantile", np.array([0, 1, 5, -9, 99, NAN]))
    assert ties[0] == ties[3] < 0 < ties[1] < ties[2] == ties[4]
    assert np.isnan(ties[5])


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile", "none"])
def test_a_saved_model_scales_to_the_last_bit(scale: str, tmp_path: Path) -> None:
    statistics = Statistics.of([NORMAL[:, None] + 1.7e9])
    tensor = keras.Input((1,), dtype="float64", name="x")
    model = keras.Model({"x": tensor}, scale_of(statistics, scale)(tensor))
    model.save(tmp_path / "model.keras")
    raw = {"x": NORMAL[:, None] + 1.7e9}
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(prepare_rows(loaded, raw), prepare_rows(model, raw))
