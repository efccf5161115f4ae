"""Numbers as labels: their scales, what is presented, and labels that keep their digits."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline import data
from pipeline.data.kinds import TARGETS, Target, build
from tests.data.small_data import NAN, ROWS, all_rows, load_target, refuse_target

NUMBERS = np.random.default_rng(0).normal(4000, 800, (ROWS, 2))
ENTRY = {"kind": "number", "column": "s.a"}
MONEY = np.array([3.5, 20.0, 0.25, 1000.0, 70000.0, 2.0] * 2)


def labels(dataset: data.Dataset) -> np.ndarray:
    return all_rows(dataset, "labels", "y")


def numbers(dataset: data.Dataset) -> np.ndarray:
    return all_rows(dataset, "numbers", "y")


def present(target: Target, encoded: Any) -> np.ndarray:
    """What a head that returns the encoded labels predicts, in original units."""
    tensor = keras.Input((np.shape(encoded)[-1],))
    outputs = keras.Model(tensor, target.present(tensor))(np.float32(np.nan_to_num(encoded)))
    return np.asarray(outputs)


def test_numbers_are_standardised_by_training_rows_and_presented_in_original_units() -> None:
    values = NUMBERS.copy()
    values[2, 1] = NAN
    dataset = load_target({"kind": "number", "column": ["s.a", "s.b"]}, a=values[:, 0], b=values[:, 1])
    target = dataset.targets["y"]
    assert (target.names, target.units) == (["a", "b"], 2)
    np.testing.assert_allclose(target.mean, np.nanmean(values[:6], axis=0))
    np.testing.assert_allclose(target.scale, np.nanstd(values[:6], axis=0))
    np.testing.assert_allclose(np.nanmean(labels(dataset)[:6], axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(numbers(dataset), values)
    np.testing.assert_allclose(target.decode(labels(dataset)), values, rtol=1e-6)
    assert np.isnan(labels(dataset)[2, 1])
    np.testing.assert_allclose(present(target, labels(dataset))[3], values[3], rtol=1e-5)


def test_numbers_may_stay_unscaled() -> None:
    dataset = load_target(ENTRY | {"scale": "none"}, a=NUMBERS)
    np.testing.assert_allclose(labels(dataset), NUMBERS, rtol=1e-6)
    assert dataset.targets["y"].names == ["a.0", "a.1"]


def test_a_constant_number_has_a_scale_of_1() -> None:
    dataset = load_target(ENTRY, a=np.full(ROWS, 7.1))
    assert dataset.targets["y"].scale.tolist() == [1.0]


@pytest.mark.parametrize(
    ("offset", "spread"), [(1.7e9, 18.0), (2460000.5, 0.01), (1e9, 20.0), (52.52, 1e-5), (-1e12, 1.0)]
)
def test_numbers_far_from_0_keep_their_digits(offset: float, spread: float) -> None:
    values = offset + spread * np.random.default_rng(1).normal(size=ROWS)
    dataset = load_target(ENTRY, a=values)
    target = dataset.targets["y"]
    np.testing.assert_allclose(target.scale, values[:6].std(), rtol=1e-6)
    np.testing.assert_array_equal(numbers(dataset)[:, 0], values)
    presented = present(target, labels(dataset))
    assert presented.dtype == np.float64
    np.testing.assert_allclose(presented[:, 0], values, rtol=0, atol=1e-5 * spread + np.spacing(abs(offset)))


def test_labels_are_shown_as_they_are_in_the_source() -> None:
    values = np.array([0, 3, 0, 12, 5, 1] * 2)
    dataset = load_target(ENTRY, a=values)
    assert numbers(dataset)[:, 0].tolist() == values.tolist()
    low = data.summary(dataset).query("split == 'train'")["min"].item()
    assert low == 0.0


def test_a_logarithm_is_chosen_for_labels_over_orders_of_magnitude(caplog: pytest.LogCaptureFixture) -> None:
    dataset = load_target(ENTRY, a=MONEY)
    np.testing.assert_allclose(
        labels(dataset)[:6, 0],
        (np.log(MONEY) - np.log(MONEY[:6]).mean())[:6] / np.log(MONEY[:6]).std(),
        rtol=1e-5,
    )
    assert "the labels are skewed (median 11.75, largest 7e+04)" in caplog.text
    assert "data.targets.y.scale=standard changes that" in caplog.text
    outputs = present(dataset.targets["y"], [[-50.0], [0.0], [1e6]])[:, 0]
    assert 0 < outputs[0] < 1e-6
    assert outputs[2] == pytest.approx(100 * MONEY.max())


@pytest.mark.parametrize(
    "values",
    [
        [4000.0, 3500, 5100, 4200, 3900, 6000],  # a bell
        [0, 1, 0, 2, 0, 3],  # small counts
        [-3.5, 20, 0.25, 1000, 70000, 2],  # a sign
        [0, 0, 0, 0, 0, 0],
        [1.7e9, 1.7e9 + 18, 1.7e9 - 20, 1.7e9 + 7, 1.7e9 + 1, 1.7e9 - 5],
        [0.1, 0.5, 1.0, 1.5, 2.5, 4.5],  # an exponential distribution
    ],
)
def test_other_labels_stay_as_they_are(values: list[float], caplog: pytest.LogCaptureFixture) -> None:
    dataset = load_target(ENTRY, a=np.array(values * 2))
    assert dataset.targets["y"].facts()["transforms"] == [None]
    assert [message for message in caplog.messages if "are the same" not in message] == []


@pytest.mark.parametrize(
    ("zero", "offset"),
    [
        ([0, 3, 1, 400, 90, 7], 1.0),
        ([0, 300, 900, 40_000, 90_000, 700], 1.0),
        ([0, 0.5, 0.25, 300.5, 20.0, 4.0], 0.5),
        ([0, 0.5, 1.25, 300.5, 20.0, 4.0], 1.0),
        ([0, 30.5, 75.0, 300.5, 20.0, 40.0], 22.1),  # the 5 % quantile
        ([0, 3e-3, 2e-6, 5e-4, 4e-6, 7e-5], 4e-6),
    ],
)
def test_labels_of_0_have_a_logarithm_and_predictions_are_never_below_0(
    zero: list[float], offset: float
) -> None:
    dataset = load_target(ENTRY | {"scale": "log"}, a=np.array(zero * 2))
    target = dataset.targets["y"]
    assert target.facts()["transforms"][0]["offset"] == pytest.approx(offset)
    outputs = present(target, np.concatenate([labels(dataset)[:6], [[-20.0]]]))[:, 0]
    np.testing.assert_allclose(outputs, [*zero, 0], rtol=1e-5, atol=1e-5 * offset)


def test_labels_that_a_scale_does_not_allow_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    values = MONEY.copy()
    values[7:9] = 0, -5
    dataset = load_target(ENTRY | {"scale": "log"}, a=values)
    assert "a: 2 val labels, such as 0, are outside what `scale: log` allows" in caplog.text
    assert np.isfinite(labels(dataset)).all()
    assert numbers(dataset)[8] == -5


def test_predictions_by_quantiles_stay_within_the_training_labels() -> None:
    values = np.array([-90.0, -3, 0, 0, 7, 500, -200, -3, 0, 5, 7, 100])
    dataset = load_target(ENTRY | {"scale": "quantile"}, a=values)
    assert np.abs(labels(dataset)).max() < 5
    outputs = present(dataset.targets["y"], np.concatenate([labels(dataset)[:6], [[-9.0], [9.0]]]))[:, 0]
    np.testing.assert_allclose(outputs[:6], values[:6], atol=1e-3)
    assert outputs[6:].tolist() == [-90, 500]


@pytest.mark.parametrize("scale", ["auto", "standard", "log", "quantile", "none"])
def test_restored_targets_encode_and_present_as_before(scale: str) -> None:
    entry = ENTRY | {"scale": scale}
    fitted = load_target(entry, a=MONEY)
    target = build(entry, TARGETS, "data.targets.y")
    target.restore("y", {"names": ["a"]} | fitted.targets["y"].facts())
    encoded = labels(fitted)
    np.testing.assert_array_equal(present(target, encoded), present(fitted.targets["y"], encoded))
    np.testing.assert_array_equal(target.decode(encoded), fitted.targets["y"].decode(encoded))


def test_targets_of_version_0_1_have_no_transform() -> None:
    target = build(ENTRY, TARGETS, "data.targets.y")
    target.restore("y", {"names": ["a"], "mean": [10.0], "scale": [2.0]})
    assert present(target, [[0.5]]).tolist() == [[11.0]]


@pytest.mark.parametrize(
    ("options", "cells", "problem", "found"),
    [
        ({}, np.array(["1", "2", "x"] * 4), "text instead of a number.*row 2", "x"),
        ({}, np.array([1, 2, np.inf] * 4), "infinite.*row 2", "inf"),
        ({}, np.where(np.arange(ROWS) < 6, NAN, 1), "no training row has a label", "column a"),
        ({"scale": "robust"}, NUMBERS, "there is no such scaling", "robust"),
        ({"scale": "log"}, -MONEY, "below 0 have no logarithm", "-70000"),
    ],
)
def test_wrong_labels_are_refused(
    options: dict[str, Any], cells: np.ndarray, problem: str, found: str
) -> None:
    refuse_target({"kind": "number"} | options, cells, problem, found)
