"""Transforms of labels: rising, invertible, and the same after a round trip through JSON."""

import json

import numpy as np
import pytest

from pipeline.data.kinds.label_scales import BEYOND, fit_transform, restored_transform, spans_magnitudes
from pipeline.errors import ConfigError

RNG = np.random.default_rng(0)
PRICES = np.exp(RNG.normal(3, 2, 500))
COUNTS = np.floor(np.exp(RNG.normal(0, 2, 500)))


@pytest.mark.parametrize("labels", [PRICES, COUNTS], ids=["prices", "counts"])
@pytest.mark.parametrize("scale", ["log", "quantile", "standard", "none"])
def test_the_inverse_gives_the_labels_back(labels: np.ndarray, scale: str) -> None:
    transform = fit_transform(labels, scale, label="y", key="k")
    back = np.asarray(transform.inverse(transform(labels)[:, None]))[:, 0]
    exact = scale != "quantile"  # whose knots are not all labels
    np.testing.assert_allclose(back, labels, rtol=1e-9 if exact else 0.2, atol=1e-9 if exact else 1.0)


@pytest.mark.parametrize("scale", ["log", "quantile"])
def test_a_transform_rises_and_is_the_same_after_json(scale: str) -> None:
    transform = fit_transform(PRICES, scale, label="y", key="k")
    x = np.sort(RNG.uniform(PRICES.min(), PRICES.max(), 200))
    assert (np.diff(transform(x)) >= 0).all()
    again = restored_transform(json.loads(json.dumps(transform.facts())))
    np.testing.assert_array_equal(again(x), transform(x))


@pytest.mark.parametrize(("scale", "low", "high"), [("log", 0, BEYOND), ("quantile", 0, 1)])
def test_no_output_leaves_the_range_that_the_scale_allows(scale: str, low: float, high: float) -> None:
    transform = fit_transform(COUNTS, scale, label="y", key="k")
    outputs = np.asarray(transform.inverse(np.array([[-1e3], [1e3]])))[:, 0]
    assert outputs[0] >= low
    assert outputs[1] <= high * COUNTS.max() * (1 + 1e-9)


def test_auto_takes_the_logarithm_only_of_labels_over_orders_of_magnitude() -> None:
    assert spans_magnitudes(PRICES)
    assert not spans_magnitudes(RNG.uniform(0, 1, 500))
    assert not spans_magnitudes(PRICES - 1)
    assert fit_transform(PRICES, "auto", label="y", key="k").word == "log"
    assert fit_transform(PRICES - 1, "auto", label="y", key="k").word == "standard"


def test_labels_below_0_have_no_logarithm() -> None:
    with pytest.raises(ConfigError, match="labels of column 'y' below 0 have no logarithm"):
        fit_transform(PRICES - 1, "log", label="y", key="k")
