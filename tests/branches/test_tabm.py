"""TabM: members share their matrices; a row passes through one of them in training and through all later."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)


def one_layer(members=4, **options):
    model = model_of(branches.TabM(units=[3], members=members, activation="tanh", **options), (2,))
    weights = {}
    for part in ("input", "input_dense_1_out", "input_dense_1_bias"):
        layer = model.get_layer(f"{part}_members")
        values = rng.normal(size=layer.kernel.shape).astype("float32")
        layer.set_weights([values])
        weights[part] = values.reshape(members, -1)
    return model, weights


def by_hand(model, weights, x):
    """Each member's features, (rows, members, width)."""
    matrix = model.get_layer("input_dense_1").get_weights()[0]
    scaled = (x[:, None] * weights["input"]) @ matrix
    return np.tanh(scaled * weights["input_dense_1_out"] + weights["input_dense_1_bias"])


def test_the_features_are_the_mean_of_members_that_scale_a_shared_matrix():
    model, weights = one_layer()
    x = rng.normal(size=(5, 2)).astype("float32")
    np.testing.assert_allclose(model(x), by_hand(model, weights, x).mean(axis=1), rtol=1e-5, atol=1e-6)


def test_in_training_each_row_passes_through_one_member_of_its_own():
    model, weights = one_layer()
    x = np.tile(np.float32([[0.3, -1.2]]), (200, 1))
    members = by_hand(model, weights, x)[0]
    distance = np.abs(np.asarray(model(x, training=True))[:, None] - members).max(axis=2)
    np.testing.assert_allclose(distance.min(axis=1), 0, atol=1e-5)
    assert np.bincount(distance.argmin(axis=1), minlength=4).min() > 20


def test_one_member_without_spread_is_a_table():
    x = rng.normal(size=(6, 3)).astype("float32")
    table = model_of(branches.Table(units=[5, 4]), (3,))
    one = model_of(branches.TabM(units=[5, 4], members=1, spread=0.0), (3,))
    for i in (1, 2):
        kernel, _ = table.get_layer(f"input_dense_{i}").get_weights()
        one.get_layer(f"input_dense_{i}").set_weights([kernel])
    for training in (False, True):
        np.testing.assert_allclose(one(x, training=training), table(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 3])
def test_any_number_of_rows_and_categories(rows):
    model = model_of(branches.TabM(units=[3], members=2, bins=4, dropout=0.5), (3,), vocabularies=(4,))
    assert model(np.ones((rows, 3), "float32")).shape == (rows, 3)
