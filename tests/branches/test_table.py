"""Table branches: categorical columns are embedded, and a missing cell is not an unseen category."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of


def test_a_missing_cell_has_another_embedding_than_an_unseen_category():
    table = branches.Table(units=[], embedding=2, unseen=0.9)
    model = model_of(table, (1,), vocabularies=(4,))
    embedding = np.arange(8.0).reshape(4, 2)
    model.get_layer("input_embedding_1").set_weights([embedding])
    np.testing.assert_array_equal(model(np.array([[1.0], [0.0], [3.0]])), embedding[[1, 0, 3]])


def test_a_hidden_category_gets_the_code_for_unseen_ones():
    model = model_of(branches.Table(units=[], embedding=2, unseen=0.9), (1,), vocabularies=(4,))
    embedding = np.arange(8.0).reshape(4, 2)
    model.get_layer("input_embedding_1").set_weights([embedding])
    rows = np.asarray(model(np.full((200, 1), 3.0), training=True))
    assert {tuple(row) for row in rows} == {tuple(embedding[0]), tuple(embedding[3])}


def test_a_table_may_have_only_categorical_or_only_numeric_columns():
    x = np.ones((2, 2), "float32")
    assert model_of(branches.Table(units=[3]), (2,), vocabularies=(4, 4))(x).shape == (2, 3)
    assert model_of(branches.Table(units=[3]), (2,))(x).shape == (2, 3)


def test_bins_are_filled_one_after_the_other_and_by_each_column_alone():
    x = np.float32([[-9.0, 0.0], [0.0, 0.0], [9.0, 0.0]])
    encoded = np.asarray(model_of(branches.Table(units=[], bins=4), (2,))(x))
    np.testing.assert_array_equal(encoded[:, :2], x)
    first, second = encoded[:, 2:6], encoded[:, 6:]
    np.testing.assert_allclose(first, [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(second, np.tile([1, 1, 0, 0], (3, 1)), atol=1e-6)


def test_a_number_within_a_bin_fills_it_in_part():
    x = np.linspace(-3, 3, 61, dtype="float32")[:, None]
    total = np.asarray(model_of(branches.Table(units=[], bins=1), (1,))(x))[:, 1]
    inside = np.abs(x[:, 0]) < 0.4307  # the quantiles 1/3 and 2/3
    np.testing.assert_allclose(total[inside], 0.5 + x[inside, 0] / (2 * 0.430727), atol=1e-4)


def test_bins_come_after_the_embeddings_and_only_for_numbers():
    model = model_of(branches.Table(units=[], embedding=2, bins=3), (3,), vocabularies=(4,))
    assert model(np.ones((5, 3), "float32")).shape == (5, 2 + 2 + 2 * 3)
    only_words = model_of(branches.Table(units=[], embedding=2, bins=3), (1,), vocabularies=(4,))
    assert only_words(np.ones((5, 1), "float32")).shape == (5, 2)


def test_waves_are_cosines_of_each_column_alone_and_only_of_numbers():
    model = model_of(branches.Table(units=[], embedding=2, waves=5, frequency=2.0), (3,), vocabularies=(4,))
    x = np.float32([[1, 0.3, 0.0], [1, 0.3, 1.0], [1, 0.4, 1.0]])
    features = np.asarray(model(x))
    assert features.shape == (3, 2 + 2 + 2 * 5)
    first, second = features[:, 4:9], features[:, 9:]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(second[1], second[2])
    assert (np.abs(first[1] - first[2]) > 1e-3).all()
    assert np.abs(features[:, 4:]).max() <= 1
    kernel, bias = (np.asarray(weights) for weights in model.get_layer("input_waves").weights)
    np.testing.assert_allclose(first, np.cos(x[:, 1:2] * kernel[0] + bias[0]), rtol=1e-4, atol=1e-5)


def test_the_frequencies_of_waves_spread_as_they_should():
    model = model_of(branches.Table(units=[], waves=2000, frequency=0.5), (1,))
    frequencies = np.asarray(model.get_layer("input_waves").weights[0]) / (2 * np.pi)
    assert frequencies.std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("branch", [branches.Table, branches.TabM])
def test_the_columns_may_be_passed_on_beside_the_dense_layers(branch):
    model = model_of(branch(units=[4], embedding=2, skip=True), (2,), vocabularies=(3,))
    x = np.float32([[0, 0.5], [2, -1]])
    features = np.asarray(model(x))
    assert features.shape == (2, 4 + 2 + 1)
    np.testing.assert_array_equal(features[:, -1], x[:, 1])
    assert model_of(branch(units=[], skip=True), (2,))(x).shape == (2, 2)
