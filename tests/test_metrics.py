import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as oracle

from pipeline.metrics import of_classes, of_labels, of_numbers, skill

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 4, 300)
SCORES = softmax(rng.normal(size=(300, 4)).round(1), axis=1)


def test_class_metrics_equal_those_of_scikit_learn():
    found = of_classes(LABELS, SCORES, ["accuracy", "f1", "auc"])
    guess = SCORES.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(LABELS, guess))
    assert found["f1"] == pytest.approx(oracle.f1_score(LABELS, guess, average="macro"))
    assert found["auc"] == pytest.approx(oracle.roc_auc_score(LABELS, SCORES, multi_class="ovr"))


def test_only_the_wanted_metrics_are_given_in_their_order():
    assert list(of_classes(LABELS, SCORES, ["f1", "accuracy"])) == ["f1", "accuracy"]


def test_unlabelled_rows_change_no_metric():
    more_labels = np.append(LABELS, [-1] * 50)
    more_scores = np.append(SCORES, softmax(rng.normal(size=(50, 4)), axis=1), axis=0)
    words = ["accuracy", "f1", "auc"]
    assert of_classes(more_labels, more_scores, words) == of_classes(LABELS, SCORES, words)


def test_distributions_count_as_their_largest_class():
    distributions = np.eye(4)[LABELS] * 0.9 + 0.025
    distributions = np.append(distributions, np.full((1, 4), np.nan), axis=0)
    scores = np.append(SCORES, SCORES[:1], axis=0)
    assert of_classes(distributions, scores, ["accuracy"]) == of_classes(LABELS, SCORES, ["accuracy"])


def test_a_metric_that_is_not_defined_is_absent():
    assert of_classes(np.full(3, -1), SCORES[:3], ["accuracy"]) == {}
    assert of_classes(np.zeros(3, int), SCORES[:3], ["accuracy", "auc"]).keys() == {"accuracy"}
    assert of_numbers(np.full((3, 1), np.nan), np.zeros((3, 1)), ["mae"]) == {}
    assert of_numbers(np.ones((3, 1)), np.zeros((3, 1)), ["mae", "r2"]) == {"mae": 1.0}
    assert of_labels(np.zeros((3, 1)), np.full((3, 1), 0.2), ["accuracy", "auc", "ap"]) == {"accuracy": 1.0}


def test_a_class_without_rows_takes_no_part_in_the_auc():
    labels = np.where(LABELS == 3, 0, LABELS)
    ones = [oracle.roc_auc_score(labels == code, SCORES[:, code]) for code in range(3)]
    assert of_classes(labels, SCORES, ["auc"])["auc"] == pytest.approx(np.mean(ones))


def test_label_metrics_equal_those_of_scikit_learn_column_by_column():
    truth = rng.integers(0, 2, (200, 3)).astype(float)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    scores = rng.random((200, 3)).round(2)
    found = of_labels(truth, scores, ["accuracy", "f1", "auc", "ap"])
    wanted = {"accuracy": [], "f1": [], "auc": [], "ap": []}
    for t, s in zip(truth.T, scores.T, strict=True):
        t, s = t[~np.isnan(t)], s[~np.isnan(t)]
        wanted["accuracy"].append(oracle.accuracy_score(t, s > 0.5))
        wanted["f1"].append(oracle.f1_score(t, s > 0.5))
        wanted["auc"].append(oracle.roc_auc_score(t, s))
        wanted["ap"].append(oracle.average_precision_score(t, s))
    assert found == pytest.approx({word: np.mean(values) for word, values in wanted.items()})


def test_number_metrics_equal_those_of_scikit_learn():
    truth, output = rng.normal(5, 3, (100, 2)), rng.normal(5, 3, (100, 2))
    found = of_numbers(truth, output, ["mae", "rmse", "r2"])
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(truth, output))
    assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(truth, output))
    assert found["r2"] == pytest.approx(oracle.r2_score(truth, output))


def test_skill_is_zero_for_the_constant_and_one_for_perfect():
    assert skill(0.7, 0.7) == 0
    assert skill(0.0, 0.7) == 1
    assert skill(1.4, 0.7) == -1
