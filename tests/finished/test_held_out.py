"""Rows that members of an ensemble held out, and the temperatures fitted on them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.finished.class_order import spread, union
from pipeline.finished.held_out import held_out, temperature_of

RANDOM = np.random.default_rng(0)


def frame(rows, labels, **columns):
    return pd.DataFrame({"row": rows, "t_label": labels, **columns})


def test_folds_give_each_row_once_and_seeds_the_mean_of_each_row():
    one = frame([3, 1], ["x", "y"], t_probabilities=[[0.9, 0.1], [0.2, 0.8]])
    other = frame([1, 2], ["y", None], t_probabilities=[[0.4, 0.6], [0.5, 0.5]])
    found = held_out([one, other], "t", "category", [["x", "y"]] * 2, ["x", "y"])
    np.testing.assert_allclose(found.probabilities, [[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]])
    assert found.labels.tolist() == [1, -1, 0]
    assert found.rows == 2


def test_classes_of_other_runs_are_in_the_order_of_all():
    assert union([["a", "c"], ["a", "b", "c"]]) == ["a", "c", "b"]
    assert spread(np.array([[0.1, 0.9]]), ["a", "b"], ["b", "c", "a"]).tolist() == [[0.9, 0.0, 0.1]]


def test_yes_and_no_and_several_labels_are_numbers_that_may_be_missing():
    binary = frame([0, 1], [1.0, np.nan], t_probability=[0.8, 0.3])
    found = held_out([binary], "t", "binary", [["yes"]], ["yes"])
    assert found.rows == 1
    several = frame([0, 1], [np.array([1.0, 0.0]), None], t_probability=[np.array([0.8, 0.3])] * 2)
    found = held_out([several], "t", "labels", [["a", "b"]], ["a", "b"])
    assert found.probabilities.shape == (2, 2)
    assert np.isnan(found.labels[1]).all()


@pytest.mark.parametrize("kind", ["category", "binary"])
@pytest.mark.parametrize("planted", [0.5, 1.0, 2.0])
def test_the_temperature_undoes_probabilities_that_are_too_sure_or_not_sure_enough(kind, planted):
    logits = RANDOM.normal(0, 1.5, 20_000)
    true = 1 / (1 + np.exp(-logits))
    said = 1 / (1 + np.exp(-logits * planted))
    yes = RANDOM.random(20_000) < true
    rows = np.arange(20_000)
    if kind == "binary":
        table, names = frame(rows, yes.astype(float), t_probability=said), ["yes"]
    else:
        both = list(np.column_stack([1 - said, said]))
        table, names = frame(rows, np.where(yes, "b", "a"), t_probabilities=both), ["a", "b"]
    found = held_out([table], "t", kind, [names], names)
    assert temperature_of(found, kind) == pytest.approx(planted, rel=0.05)


def test_without_a_label_nothing_is_calibrated():
    table = frame([0], [None], t_probabilities=[[0.5, 0.5]])
    assert temperature_of(held_out([table], "t", "category", [["a", "b"]], ["a", "b"]), "category") == 1.0
