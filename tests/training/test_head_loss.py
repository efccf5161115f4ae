import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.head_loss import HeadLoss

rng = np.random.default_rng(0)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
CODES = rng.integers(0, 5, 40).astype("int32")
LOGITS = rng.normal(size=(40, 5)).astype("float32")
NUMBERS = rng.normal(size=(40, 2)).astype("float32")
OUTPUTS = rng.normal(size=(40, 2)).astype("float32")


def numpy_cross_entropy(codes, logits):
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(codes)), codes]


@pytest.mark.parametrize("complete", [True, False])
def test_without_missing_labels_it_is_the_keras_loss(complete):
    category = HeadLoss(loss=CROSS_ENTROPY, kind="category", complete=complete)
    number = HeadLoss(loss=keras.losses.MeanSquaredError(), kind="number", complete=complete)
    assert float(category(tf.constant(CODES), LOGITS)[0]) == pytest.approx(
        float(CROSS_ENTROPY(CODES, LOGITS)), rel=1e-6
    )
    assert float(number(tf.constant(NUMBERS), OUTPUTS)[0]) == pytest.approx(
        np.mean((NUMBERS - OUTPUTS) ** 2), rel=1e-6
    )


def test_a_head_with_few_labels_has_the_mean_over_its_labelled_rows():
    codes = np.where(rng.random(40) < 0.05, CODES, -1).astype("int32")
    codes[3] = 2
    mean, number = HeadLoss(loss=CROSS_ENTROPY, kind="category")(tf.constant(codes), LOGITS)
    there = codes >= 0
    assert number == there.sum()
    assert float(mean) == pytest.approx(numpy_cross_entropy(codes[there], LOGITS[there]).mean(), abs=1e-6)


def test_single_missing_cells_are_left_out():
    labels = NUMBERS.copy()
    labels[::3, 1] = np.nan
    mean, number = HeadLoss(loss=keras.losses.MeanSquaredError(), kind="number")(tf.constant(labels), OUTPUTS)
    assert number == np.isfinite(labels).sum()
    assert float(mean) == pytest.approx(np.nanmean((labels - OUTPUTS) ** 2), abs=1e-6)


def test_without_any_label_loss_gradient_and_number_are_zero():
    for loss, kind, labels, outputs in (
        (CROSS_ENTROPY, "category", np.full(40, -1, "int32"), LOGITS),
        (keras.losses.MeanSquaredError(), "number", np.full((40, 2), np.nan, "float32"), OUTPUTS),
    ):
        outputs = tf.constant(outputs)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            mean, number = HeadLoss(loss=loss, kind=kind)(tf.constant(labels), outputs)
        assert (float(mean), float(number)) == (0, 0)
        np.testing.assert_array_equal(tape.gradient(mean, outputs), 0)


def test_codes_and_distributions_give_the_same_loss():
    whole = HeadLoss(loss=keras.losses.CategoricalCrossentropy(from_logits=True), kind="category")
    distributions = np.eye(5, dtype="float32")[CODES]
    distributions[4] = np.nan
    codes = CODES.copy()
    codes[4] = -1
    by_codes, by_distributions = whole(tf.constant(codes), LOGITS), whole(tf.constant(distributions), LOGITS)
    assert float(by_codes[0]) == pytest.approx(float(by_distributions[0]), rel=1e-6)
    assert by_codes[1] == by_distributions[1] == 39


def test_row_losses_average_to_the_loss_and_are_nan_where_unlabelled():
    codes = CODES.copy()
    codes[::4] = -1
    head = HeadLoss(loss=CROSS_ENTROPY, kind="category")
    rows = head.row_losses(codes, LOGITS)
    np.testing.assert_array_equal(np.isnan(rows), codes < 0)
    assert np.nanmean(rows) == pytest.approx(float(head(tf.constant(codes), LOGITS)[0]), rel=1e-6)


def test_a_single_label_of_a_batch_counts_in_full():
    codes = np.full(40, -1, "int32")
    codes[3] = 2
    loss = HeadLoss(loss=CROSS_ENTROPY, kind="category")
    expected = numpy_cross_entropy(codes[3:4], LOGITS[3:4])[0]
    mean, number = loss(tf.constant(codes), LOGITS)
    assert (float(mean), float(number)) == (pytest.approx(expected, rel=1e-5), 1)
    assert float(loss.training_loss(tf.constant(codes), LOGITS)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_sparse_cross_entropy_takes_distributions_too(from_logits):
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    distributions = np.eye(5, dtype="float32")[CODES] * 0.8 + 0.04
    output = LOGITS if from_logits else tf.nn.softmax(LOGITS)
    found, count = HeadLoss(loss=sparse, kind="category")(tf.constant(distributions), output)
    log_shares = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    assert float(found) == pytest.approx(-(distributions * log_shares).sum(axis=1).mean(), rel=1e-5)
    assert count == 40


def test_the_factor_of_a_distribution_is_the_mean_over_its_classes():
    shares = np.zeros((40, 5), "float32")
    shares[:, 1], shares[:, 4] = 0.25, 0.75
    factors = np.array([9, 2, 9, 9, 6], "float32")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    weighted = HeadLoss(loss=loss, kind="category", factors=factors).training_loss(
        tf.constant(shares), LOGITS
    )
    plain = HeadLoss(loss=loss, kind="category").training_loss(tf.constant(shares), LOGITS)
    assert float(weighted) == pytest.approx(float(plain) * (0.25 * 2 + 0.75 * 6), rel=1e-5)
