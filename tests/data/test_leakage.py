"""Planted leaks are found and shown with examples; data that only looks similar is not a leak."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.data.leakage import COPY, DUPLICATES, GROUPS, copied, report_leaks, shared_rows
from pipeline.errors import ConfigError
from tests.data.streams import load_files
from tests.shipped import shipped

ROWS = 60
RANDOM = np.random.default_rng(2)
FRAME = pd.DataFrame(
    {
        "a": RANDOM.normal(size=ROWS),
        "b": RANDOM.choice(["x", "y", "z"], ROWS),
        "amount": RANDOM.normal(50, 10, ROWS),
        "kind": RANDOM.choice(["p", "q", "r"], ROWS),
        "person": np.arange(ROWS) // 2,
        "part": np.repeat([0, 1, 2], [40, 10, 10]),
    }
)


def find_leaks(frame: pd.DataFrame = FRAME, groups: Any = None, **split: Any) -> list[data.Leak]:
    dataset = data.load(
        {"s": frame},
        {"t": {"kind": "table", "numeric": ["s.a"], "categorical": ["s.b"]}},
        {
            "kind": {"kind": "category", "column": "s.kind"},
            "amount": {"kind": "number", "column": "s.amount"},
        },
        {"column": "s.part", "train": 0, "val": 1, "test": 2, **split},
    )
    return data.leaks(dataset, groups)


def test_clean_data_has_no_leaks() -> None:
    assert find_leaks() == []


@pytest.mark.parametrize("name", ["kanji", "multimnist", "penguins", "noise"])
def test_the_data_sets_of_the_program_have_no_leaks(name: str) -> None:
    assert data.leaks(data.load(**shipped(name))) == []


def test_emoji_with_identical_drawings_are_found() -> None:
    drawn = data.load(**shipped("emoji"), only_inputs=["gray", "colour"])
    assert [(leak.severity, leak.sentence[:2]) for leak in data.leaks(drawn)] == [
        (DUPLICATES, "3 "),
        (DUPLICATES, "1 "),
    ]


def test_identical_rows_in_two_splits_are_shown() -> None:
    frame = FRAME.copy()
    frame.loc[55, ["a", "b"]] = frame.loc[7, ["a", "b"]]
    frame.loc[45, ["a", "b"]] = frame.loc[46, ["a", "b"]]  # within one split, which is not a leak
    assert find_leaks(frame) == [
        data.Leak(
            DUPLICATES,
            "1 of 10 rows in test have the same inputs as a row in train",
            ["row 55 (test) equals row 7 (train)"],
        )
    ]


def test_groups_in_two_splits_are_shown() -> None:
    people = np.arange(ROWS) // 2
    people[59] = 3
    for leaks in (find_leaks(groups=people), find_leaks(FRAME.assign(person=people), group="s.person")):
        assert leaks == [data.Leak(GROUPS, "groups with rows in both train and test: 1", ["3"])]
    assert find_leaks(groups=FRAME["person"].to_numpy()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"a": FRAME["amount"]},
        {"a": FRAME["amount"] * -2.5 + 7},
        {"a": FRAME["kind"].map({"p": 3.0, "q": 1.0, "r": 2.0})},
        {"b": FRAME["kind"]},
        {"b": FRAME["kind"].map({"p": "one", "q": "two", "r": "three"})},
        {"b": FRAME["kind"].where(np.arange(ROWS) % 7 != 0, "")},
    ],
)
def test_a_copy_of_a_target_is_found_and_fails(change: dict[str, Any]) -> None:
    leaks = [leak for leak in find_leaks(FRAME.assign(**change)) if leak.severity != DUPLICATES]
    assert [leak.severity for leak in leaks] == [COPY]
    assert f"t.{next(iter(change))}" in leaks[0].sentence
    assert leaks[0].examples[0].startswith("row ")
    for policy in ("fail", "warn"):
        with pytest.raises(ConfigError, match="target"):
            report_leaks(leaks, policy)
    report_leaks(leaks, "ignore")


def test_a_copy_of_a_target_in_a_vector_is_found() -> None:
    dataset = data.load(
        {"s": FRAME},
        {"v": {"kind": "vector", "column": ["s.a", "s.amount"]}},
        {"amount": {"kind": "number", "column": "s.amount"}},
        {"column": "s.part", "train": 0, "val": 1, "test": 2},
    )
    assert [leak.sentence for leak in data.leaks(dataset)] == ["input column v[1] is a copy of target amount"]


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (
            RANDOM.normal(size=99),
            RANDOM.normal(size=99),
        ),  # without repeated values any two columns match one to one
        (np.arange(99.0), RANDOM.permutation(99).astype(float)),
        (np.array([f"id {n}" for n in range(99)], dtype=object), np.arange(99.0)),
        (np.array(["x", "y"] * 4, dtype=object), np.array([0.0, 1.0] * 4)),  # too few rows
        (np.array(["x"] * 98 + ["y"], dtype=object), np.array([0.0] * 98 + [1.0])),  # one rare row
        (np.zeros(99), RANDOM.normal(size=99)),
        (np.arange(99.0) % 6, np.arange(99.0) % 3),  # it determines the class, but is not a copy of it
        (np.arange(99.0) % 3, np.zeros(99)),
        (np.where(np.arange(99) < 9, 1.0, np.nan), np.arange(99.0)),
        (np.full(99, np.nan), np.arange(99.0)),
        (np.arange(99.0) + RANDOM.normal(0, 0.1, 99), np.arange(99.0)),
    ],
)
def test_columns_that_only_look_similar_are_not_copies(column: np.ndarray, labels: np.ndarray) -> None:
    assert copied(column, labels) is None


def test_a_nonlinear_copy_is_found_if_its_values_repeat() -> None:
    labels = np.arange(99.0) % 11
    assert copied(np.exp(labels), labels) == "a one-to-one copy"
    assert copied(labels * 3 + 1, labels) == "a copy"


def test_the_policy_decides_whether_leaks_are_logged_fail_or_are_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leak = data.Leak(DUPLICATES, "two rows are identical", ["row 1 equals row 2"])
    with caplog.at_level(logging.WARNING):
        report_leaks([leak], "ignore")
        assert not caplog.records
        report_leaks([leak], "warn")
    assert caplog.messages == ["two rows are identical: row 1 equals row 2"]
    with pytest.raises(ConfigError, match="two rows are identical"):
        report_leaks([leak], "fail")
    with pytest.raises(ConfigError, match="there is no such policy"):
        report_leaks([], "shout")


@pytest.mark.usefixtures("small_blocks")
def test_leaks_are_found_in_streamed_data(stream_folder: Path) -> None:
    streamed, loaded = (data.leaks(load_files(stream_folder, in_memory=value)) for value in (False, True))
    sentences = [leak.sentence for leak in streamed]
    assert "input column several[1] is a copy of target score" in sentences
    assert sentences == [leak.sentence for leak in loaded]


def test_identical_rows_are_found_in_streamed_data() -> None:
    columns = {
        "x": np.repeat(RANDOM.normal(size=(30, 3, 2)), 2, axis=0),
        "y": np.arange(ROWS) // 4 % 2,
        "s": np.arange(ROWS) % 4,
    }
    dataset = data.load(
        {"s": columns},
        {"x": {"kind": "series", "column": "s.x"}},
        {"y": {"kind": "category", "column": "s.y"}},
        {"column": "s.s", "train": [0, 2], "val": 1, "test": 3},
        in_memory=False,
    )
    assert {leak.severity for leak in data.leaks(dataset)} == {DUPLICATES}


LARGE = 2000  # rows, of which 100 per split are looked at first
COPIES: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "a number": ({"a": RANDOM.normal(size=LARGE)}, "amount"),
    "a category": ({"b": RANDOM.choice(["x", "y", "z"], LARGE)}, "kind"),
    "a category of many classes": ({"b": RANDOM.permutation(LARGE) // 4 + 1000}, "kind"),
    "a rare class": ({"b": np.where(np.arange(LARGE) % 400 == 7, "x", "y")}, "kind"),
}


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("copied", [True, False])
def test_copies_among_many_rows_are_found_by_looking_at_some_first(
    monkeypatch: pytest.MonkeyPatch, name: str, copied: bool
) -> None:
    monkeypatch.setattr("pipeline.data.leakage.SAMPLE", 100)
    monkeypatch.setattr("pipeline.data.leakage.FIRST", 100)
    columns, target = COPIES[name]
    frame = pd.DataFrame(
        {
            "a": RANDOM.normal(size=LARGE),
            "b": RANDOM.choice(["x", "y", "z"], LARGE),
            "amount": RANDOM.normal(size=LARGE),
            "kind": RANDOM.choice(["p", "q", "r"], LARGE),
            "part": RANDOM.choice([0, 1, 2], LARGE, p=[0.8, 0.1, 0.1]),
        }
    ).assign(**columns)
    (column,) = columns.values()
    labels = column * 3 + 1 if target == "amount" else np.char.add("class ", column.astype(str))
    if not copied:
        # A single row differs, one that is not looked at first.
        labels[1], labels[2] = labels[2], labels[1]
        frame["part"] = np.where(np.isin(np.arange(LARGE), [1, 2]), 0, frame["part"])
        labels = labels if labels[1] != labels[2] else np.roll(labels, 1)
    found = find_leaks(frame.assign(**{target: labels}))
    assert [leak.severity for leak in found if leak.severity == COPY] == [COPY] * copied
    if copied:
        assert f"of target {target}" in found[0].sentence
        assert len(found[0].examples) == 5


def test_rows_of_several_splits_are_found_column_by_column() -> None:
    first = {"x": np.array([1.0, 2.0, 3.0, np.nan]), "w": np.array(["a", "b", "c", "d"], dtype=object)}
    second = {"x": np.array([2.0, 3.0, np.nan]), "w": np.array(["b", "z", "d"], dtype=object)}
    found = shared_rows({"train": first, "val": second, "test": {key: v[:1] for key, v in first.items()}})
    assert {split: rows.tolist() for split, (_, rows) in found.items()} == {
        "train": [0, 1, 3],
        "val": [0, 2],
        "test": [0],
    }
    assert found["val"][0].tolist() == found["train"][0][1:].tolist()
