"""Metrics equal those of scikit-learn, and undefined ones are left out."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as oracle

from pipeline.metrics import class_metrics, label_metrics, number_metrics, quantile_metrics, skill

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 4, 300)
SCORES = softmax(rng.normal(size=(300, 4)).round(1), axis=1)


def test_class_metrics_equal_those_of_scikit_learn():
    found = class_metrics(LABELS, SCORES, ["accuracy", "f1", "auc"])
    guess = SCORES.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(LABELS, guess))
    assert found["f1"] == pytest.approx(oracle.f1_score(LABELS, guess, average="macro"))
    assert found["auc"] == pytest.approx(oracle.roc_auc_score(LABELS, SCORES, multi_class="ovr"))


def test_the_result_has_the_requested_metrics_in_their_order():
    assert list(class_metrics(LABELS, SCORES, ["f1", "accuracy"])) == ["f1", "accuracy"]


def test_rows_without_labels_are_ignored():
    more_labels = np.append(LABELS, [-1] * 50)
    more_scores = np.append(SCORES, softmax(rng.normal(size=(50, 4)), axis=1), axis=0)
    words = ["accuracy", "f1", "auc"]
    assert class_metrics(more_labels, more_scores, words) == class_metrics(LABELS, SCORES, words)


def test_a_distribution_counts_as_its_most_likely_class():
    distributions = np.eye(4)[LABELS] * 0.9 + 0.025
    distributions = np.append(distributions, np.full((1, 4), np.nan), axis=0)
    scores = np.append(SCORES, SCORES[:1], axis=0)
    assert class_metrics(distributions, scores, ["accuracy"]) == class_metrics(LABELS, SCORES, ["accuracy"])


def test_undefined_metrics_are_left_out():
    assert class_metrics(np.full(3, -1), SCORES[:3], ["accuracy"]) == {}
    assert class_metrics(np.zeros(3, int), SCORES[:3], ["accuracy", "auc"]).keys() == {"accuracy"}
    assert number_metrics(np.full((3, 1), np.nan), np.zeros((3, 1)), ["mae"]) == {}
    assert number_metrics(np.ones((3, 1)), np.zeros((3, 1)), ["mae", "r2"]) == {"mae": 1.0}
    assert label_metrics(np.zeros((3, 1)), np.full((3, 1), 0.2), ["accuracy", "auc", "ap"]) == {
        "accuracy": 1.0
    }


def test_a_class_without_rows_is_ignored_by_the_auc():
    labels = np.where(LABELS == 3, 0, LABELS)
    ones = [oracle.roc_auc_score(labels == code, SCORES[:, code]) for code in range(3)]
    assert class_metrics(labels, SCORES, ["auc"])["auc"] == pytest.approx(np.mean(ones))


def test_label_metrics_are_the_mean_over_columns_of_those_of_scikit_learn():
    truth = rng.integers(0, 2, (200, 3)).astype(float)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    scores = rng.random((200, 3)).round(2)
    found = label_metrics(truth, scores, ["accuracy", "f1", "auc", "ap"])
    expected = {"accuracy": [], "f1": [], "auc": [], "ap": []}
    for t, s in zip(truth.T, scores.T, strict=True):
        t, s = t[~np.isnan(t)], s[~np.isnan(t)]
        expected["accuracy"].append(oracle.accuracy_score(t, s > 0.5))
        expected["f1"].append(oracle.f1_score(t, s > 0.5))
        expected["auc"].append(oracle.roc_auc_score(t, s))
        expected["ap"].append(oracle.average_precision_score(t, s))
    assert found == pytest.approx({word: np.mean(values) for word, values in expected.items()})


def test_number_metrics_equal_those_of_scikit_learn():
    truth, output = rng.normal(5, 3, (100, 2)), rng.normal(5, 3, (100, 2))
    found = number_metrics(truth, output, ["mae", "rmse", "r2"])
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(truth, output))
    assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(truth, output))
    assert found["r2"] == pytest.approx(oracle.r2_score(truth, output))


QUANTILES = [0.1, 0.5, 0.9]
NUMBERS = rng.exponential(size=(301, 2))
INTERVALS = np.sort(rng.normal(1, 1, (301, 2, 3)), axis=-1)


def test_quantile_metrics_are_those_of_scikit_learn_the_median_and_the_interval():
    found = quantile_metrics(NUMBERS, INTERVALS.reshape(301, 6), ["pinball", "coverage", "mae"], QUANTILES)
    pinball = [
        oracle.mean_pinball_loss(NUMBERS[:, column], INTERVALS[:, column, i], alpha=quantile)
        for column in range(2)
        for i, quantile in enumerate(QUANTILES)
    ]
    inside = (INTERVALS[..., 0] <= NUMBERS) & (INTERVALS[..., 2] >= NUMBERS)
    assert found["pinball"] == pytest.approx(np.mean(pinball))
    assert found["mae"] == pytest.approx(np.abs(NUMBERS - INTERVALS[..., 1]).mean())
    assert found["coverage"] == pytest.approx(inside.mean())


def test_quantile_metrics_ignore_rows_without_labels():
    labels = NUMBERS.copy()
    labels[::3] = np.nan
    labelled = ~np.isnan(labels[:, 0])
    words = ["coverage", "pinball", "rmse"]
    found = quantile_metrics(labels, INTERVALS.reshape(301, 6), words, QUANTILES)
    expected = quantile_metrics(labels[labelled], INTERVALS[labelled].reshape(-1, 6), words, QUANTILES)
    assert found == pytest.approx(expected)
    assert quantile_metrics(np.full((4, 1), np.nan), np.zeros((4, 3)), words, QUANTILES) == {}


def test_skill_is_zero_for_the_constant_and_one_for_a_perfect_prediction():
    assert skill(0.7, 0.7) == 0
    assert skill(0.0, 0.7) == 1
    assert skill(1.4, 0.7) == -1


def test_the_mae_of_classes_is_how_many_classes_the_likeliest_one_is_away():
    scores = np.eye(4)[[0, 3, 2, 1]]
    labels = np.array([0, 1, 3, -1])
    assert class_metrics(labels, scores, ["mae"]) == {"mae": pytest.approx(1.0)}
    assert class_metrics(labels, scores, ["accuracy"]) == {"accuracy": pytest.approx(1 / 3)}


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_f1():
    labels, scores = np.array([0, 1, 1]), np.eye(4)[[0, 1, 0]]
    expected = oracle.f1_score(labels, scores.argmax(axis=1), average="macro")
    assert class_metrics(labels, scores, ["f1"])["f1"] == pytest.approx(expected)


def test_a_column_without_labels_is_ignored():
    labels = np.array([[1.0, np.nan], [0.0, np.nan], [1.0, np.nan]])
    probabilities = np.array([[0.9, 0.9], [0.2, 0.8], [0.4, 0.1]])
    words = ["accuracy", "f1", "auc", "ap", "ece"]
    assert label_metrics(labels, probabilities, words) == label_metrics(
        labels[:, :1], probabilities[:, :1], words
    )


def test_an_interval_holds_its_ends():
    outputs = np.array([[0.0, 1.0, 2.0]] * 4)
    labels = np.array([[0.0], [2.0], [-0.1], [2.1]])
    assert quantile_metrics(labels, outputs, ["coverage"], [0.1, 0.5, 0.9]) == {"coverage": 0.5}


def test_the_pinball_metric_is_the_mean_over_columns_and_quantiles():
    quantiles = [0.1, 0.5, 0.9]
    labels = rng.normal(size=(50, 2)) * [1, 10]
    outputs = np.sort(rng.normal(size=(50, 2, 3)), axis=-1)
    expected = np.mean(
        [
            oracle.mean_pinball_loss(labels[:, column], outputs[:, column, place], alpha=quantile)
            for column in range(2)
            for place, quantile in enumerate(quantiles)
        ]
    )
    found = quantile_metrics(labels, outputs.reshape(50, 6), ["pinball"], quantiles)
    assert found["pinball"] == pytest.approx(expected)


def test_the_area_of_many_classes_is_that_of_the_ranks_of_all_rows():
    rng = np.random.default_rng(3)
    labels, probabilities = rng.integers(0, 7, 50), rng.dirichlet(np.ones(9), 50).round(2)  # ties; no 7 and 8
    areas = [oracle.roc_auc_score(labels == code, probabilities[:, code]) for code in range(7)]
    assert class_metrics(labels, probabilities, ["auc"])["auc"] == pytest.approx(np.mean(areas), rel=1e-12)
