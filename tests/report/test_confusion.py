"""Confusion matrices: rows are counted once, and the worst confusions of many classes are shown."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipeline.report import confusion
from tests.pages import assert_nothing_cut, words
from tests.report.sample import head


def test_confusion_counts_labelled_rows_only():
    made = replace(
        head("category"),
        labels=np.array([0, 0, 1, -1]),
        outputs=np.eye(3)[[0, 2, 1, 1]],
    )
    assert confusion.confusion_counts(made).toarray().tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_confused_pairs_are_ordered_by_rows():
    counts = np.array([[9, 1, 0], [3, 9, 0], [0, 2, 9]])
    assert confusion.confused_pairs(csr_array(counts)) == [(1, 0), (2, 1), (0, 1)]


def test_every_class_has_its_own_recall_precision_and_f1():
    made = head("category", rows=4, names=["other", "tree", "water"])
    made = replace(made, labels=np.array([0, 0, 1, -1]), outputs=np.eye(3)[[0, 1, 1, 1]])
    tables = confusion.confusion_tables("class", made)
    assert tables["classes_class"].columns == ["code", "class", "rows", "recall", "precision", "f1"]
    other, tree, water = tables["classes_class"].rows
    assert other == [0, "other", 2, 0.5, 1.0, pytest.approx(2 / 3)]
    assert tree == [1, "tree", 1, 1.0, 0.5, pytest.approx(2 / 3)]
    assert water[:3] == [2, "water", 0]
    assert np.isnan(water[3:]).all()
    assert tables["pairs_class"].columns == ["true", "predicted", "rows", "share of the true class"]
    assert tables["pairs_class"].rows == [["other", "tree", 1, 0.5]]
    assert tables["confusion_class"].rows == [["other", 1, 1, 0], ["tree", 0, 1, 0], ["water", 0, 0, 0]]


def test_31_classes_fit_one_grid_and_98_are_shown_in_part(drawing):
    whole = confusion.confusion_drawings("class", head("category", names=[f"c{n}" for n in range(31)]))
    assert list(whole) == ["confusion_class"]
    assert len(whole["confusion_class"].figure.axes[0].get_xticks()) == 31
    big = head("category", rows=300, names=[f"c{n}" for n in range(98)])
    part = confusion.confusion_drawings("class", big)
    assert list(part) == ["confusion_class", "confused_class"]
    assert len(part["confusion_class"].figure.axes[0].get_xticks()) == 26
    assert "26 of 98 classes" in part["confusion_class"].caption
    assert "mistaken for" in words(part["confused_class"].figure)
    for one in (*whole.values(), *part.values()):
        assert_nothing_cut(one.figure)


def test_the_part_that_is_drawn_has_the_classes_with_most_errors(drawing):
    labels = np.repeat(np.arange(50), 2)
    guesses = labels.copy()
    guesses[[90, 91]] = 3  # class 45 is mistaken for class 3
    made = replace(
        head("category", names=[f"c{n}" for n in range(50)]), labels=labels, outputs=np.eye(50)[guesses]
    )
    part = confusion.confusion_drawings("class", made)
    seen = words(part["confusion_class"].figure).split("\n")
    assert "c45" in seen
    assert "c3" in seen
    assert "c45 mistaken for c3" in words(part["confused_class"].figure)


def test_perfect_head_of_many_classes_has_no_confused_pairs(drawing):
    labels = np.arange(50)
    made = replace(head("category", names=[f"c{n}" for n in range(50)]), labels=labels, outputs=np.eye(50))
    assert list(confusion.confusion_drawings("class", made)) == ["confusion_class"]


def test_the_matrix_of_thousands_of_classes_is_a_list_of_its_cells():
    names = [f"c{code}" for code in range(1001)]
    guesses = np.zeros((3, 1001))
    guesses[[0, 1, 2], [0, 7, 7]] = 1.0
    made = replace(head("category", names=names), labels=np.array([0, 0, 0]), outputs=guesses)
    matrix = confusion.confusion_tables("class", made)["confusion_class"]
    assert matrix.columns == ["true class", "predicted class", "rows"]
    assert matrix.rows == [["c0", "c0", 1], ["c0", "c7", 2]]
