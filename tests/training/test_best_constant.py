import keras
import numpy as np
import pytest

from pipeline.training.best_constant import best_constant, constant_loss
from pipeline.training.head_loss import HeadLoss

rng = np.random.default_rng(0)


def head(loss, kind):
    return HeadLoss(loss=loss, kind=kind)


def test_for_cross_entropy_it_is_the_class_shares():
    codes = np.repeat([0, 1, 2, -1], [50, 30, 20, 10]).astype("int32")
    loss = head(keras.losses.SparseCategoricalCrossentropy(from_logits=True), "category")
    logits = best_constant(loss, codes, 3)
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=1e-3)
    entropy = -sum(p * np.log(p) for p in (0.5, 0.3, 0.2))
    assert constant_loss(loss, codes, logits) == pytest.approx(entropy, abs=1e-5)


def test_below_a_softmax_it_is_the_class_shares_too():
    codes = np.repeat([0, 1, 2], [50, 30, 20]).astype("int32")
    loss = head(keras.losses.SparseCategoricalCrossentropy(), "category")
    np.testing.assert_allclose(best_constant(loss, codes, 3, "softmax"), [0.5, 0.3, 0.2], atol=1e-3)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_for_many_classes_it_is_found_as_for_few(monkeypatch, activation):
    codes = np.repeat([0, 1, 2, -1], [50, 30, 20, 10]).astype("int32")
    loss = head(keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None), "category")
    searched = best_constant(loss, codes, 4, activation)
    monkeypatch.setattr("pipeline.training.best_constant.MANY_CLASSES", 3)
    direct = best_constant(loss, codes, 4, activation)
    found = constant_loss(loss, codes, direct)
    monkeypatch.setattr("pipeline.training.best_constant.MANY_CLASSES", 1000)
    assert found == pytest.approx(constant_loss(loss, codes, direct), rel=1e-5)
    expected = constant_loss(loss, codes, searched)
    assert constant_loss(loss, codes, direct) == pytest.approx(expected, abs=1e-4)
    assert constant_loss(loss, codes, direct) <= expected + 1e-6
    monkeypatch.setattr("pipeline.training.best_constant.MANY_CLASSES", 3)
    one_hot = np.eye(4, dtype="float32")[np.maximum(codes, 0)]
    one_hot[codes < 0] = np.nan
    np.testing.assert_allclose(best_constant(loss, one_hot, 4, activation), direct, rtol=1e-6)


def test_the_loss_of_a_constant_is_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(7)
    codes = rng.integers(-1, 40, 300).astype("int32")
    loss = head(keras.losses.SparseCategoricalCrossentropy(from_logits=True), "category")
    constant = rng.normal(size=40).astype("float32")
    whole = constant_loss(loss, codes, constant)
    monkeypatch.setattr("pipeline.data.files.stored.BLOCK_BYTES", 160 * 7)
    assert constant_loss(loss, codes, constant) == pytest.approx(whole, rel=1e-6)


def test_for_squared_error_it_is_the_mean_of_each_column():
    labels = rng.normal([3, -2], 1, (200, 2)).astype("float32")
    labels[::7, 0] = np.nan
    loss = head(keras.losses.MeanSquaredError(), "number")
    np.testing.assert_allclose(best_constant(loss, labels, 2), np.nanmean(labels, axis=0), atol=1e-4)


def test_for_absolute_error_it_is_as_good_as_the_median():
    labels = rng.exponential(size=(201, 1)).astype("float32")
    loss = head(keras.losses.MeanAbsoluteError(), "number")
    constant = best_constant(loss, labels, 1)
    assert constant_loss(loss, labels, constant) <= np.mean(np.abs(labels - np.median(labels))) + 1e-6


def test_on_rows_without_labels_there_is_no_loss():
    loss = head(keras.losses.MeanSquaredError(), "number")
    assert constant_loss(loss, np.full((5, 1), np.nan, "float32"), np.zeros(1)) is None


def test_heads_with_the_same_loss_share_a_graph_and_find_their_own_constants():
    graphs = {}
    codes = rng.integers(0, 3, 90).astype("int32")
    for shares in (codes, np.where(codes == 2, 0, codes)):
        loss = head(keras.losses.SparseCategoricalCrossentropy(from_logits=True), "category")
        shared = best_constant(loss, shares, 3, graphs=graphs)
        np.testing.assert_array_equal(shared, best_constant(loss, shares, 3))
    assert len(graphs) == 1


def test_losses_with_other_arguments_have_graphs_of_their_own():
    graphs, labels = {}, rng.exponential(size=(60, 1)).astype("float32")
    found = [  # Keras leaves delta out of the loss's config
        best_constant(head(keras.losses.Huber(delta=delta), "number"), labels, 1, graphs=graphs)
        for delta in (0.1, 100.0)
    ]
    assert len(graphs) == 2
    np.testing.assert_allclose(found[1], labels.mean(), atol=1e-3)
    assert found[0] < found[1] - 0.05
