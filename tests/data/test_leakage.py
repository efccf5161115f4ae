"""Leaks that are planted are found, with examples; what merely looks alike is not."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.data.leakage import COPY, DUPLICATES, GROUPS, copied, report_leaks
from pipeline.errors import ConfigError
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


def found(frame: pd.DataFrame = FRAME, groups: Any = None, **split: Any) -> list[data.Leak]:
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


def test_clean_data_have_no_leaks() -> None:
    assert found() == []


@pytest.mark.parametrize("name", ["kanji", "multimnist", "penguins", "noise"])
def test_shipped_data_have_no_leaks(name: str) -> None:
    assert data.leaks(data.load(**shipped(name))) == []


def test_the_emoji_that_both_artists_drew_alike_are_found() -> None:
    drawn = data.load(**shipped("emoji"), only_inputs=["gray", "colour"])
    assert [(leak.severity, leak.sentence[:2]) for leak in data.leaks(drawn)] == [
        (DUPLICATES, "3 "),
        (DUPLICATES, "1 "),
    ]


def test_identical_rows_in_two_splits_are_shown() -> None:
    frame = FRAME.copy()
    frame.loc[55, ["a", "b"]] = frame.loc[7, ["a", "b"]]
    frame.loc[45, ["a", "b"]] = frame.loc[46, ["a", "b"]]  # within one split: no leak
    assert found(frame) == [
        data.Leak(
            DUPLICATES,
            "1 of 10 rows of test have the very inputs of a row of train",
            ["row 55 (test) is row 7 (train)"],
        )
    ]


def test_groups_in_two_splits_are_shown() -> None:
    people = np.arange(ROWS) // 2
    people[59] = 3
    for leaks in (found(groups=people), found(FRAME.assign(person=people), group="s.person")):
        assert leaks == [data.Leak(GROUPS, "1 groups have rows in train and in test", ["3"])]
    assert found(groups=FRAME["person"].to_numpy()) == []


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
def test_a_column_that_is_or_stands_for_a_target_is_found_and_fails(change: dict[str, Any]) -> None:
    leaks = [leak for leak in found(FRAME.assign(**change)) if leak.severity != DUPLICATES]
    assert [leak.severity for leak in leaks] == [COPY]
    assert f"t.{next(iter(change))}" in leaks[0].sentence
    assert leaks[0].examples[0].startswith("row ")
    for policy in ("fail", "warn"):
        with pytest.raises(ConfigError, match="target"):
            report_leaks(leaks, policy)
    report_leaks(leaks, "ignore")


def test_a_column_of_a_vector_that_is_a_target_is_found() -> None:
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
        (RANDOM.normal(size=99), RANDOM.normal(size=99)),  # no value repeats: always one to one
        (np.arange(99.0), RANDOM.permutation(99).astype(float)),
        (np.array([f"id {n}" for n in range(99)], dtype=object), np.arange(99.0)),
        (np.array(["x", "y"] * 4, dtype=object), np.array([0.0, 1.0] * 4)),  # too few rows
        (np.array(["x"] * 98 + ["y"], dtype=object), np.array([0.0] * 98 + [1.0])),  # one rare row
        (np.zeros(99), RANDOM.normal(size=99)),
        (np.arange(99.0) % 6, np.arange(99.0) % 3),  # it says the class, but it is no copy
        (np.arange(99.0) % 3, np.zeros(99)),
        (np.where(np.arange(99) < 9, 1.0, np.nan), np.arange(99.0)),
        (np.full(99, np.nan), np.arange(99.0)),
        (np.arange(99.0) + RANDOM.normal(0, 0.1, 99), np.arange(99.0)),
    ],
)
def test_columns_that_only_look_alike_are_no_copies(column: np.ndarray, labels: np.ndarray) -> None:
    assert copied(column, labels) is None


def test_a_curved_copy_is_found_where_values_repeat() -> None:
    labels = np.arange(99.0) % 11
    assert copied(np.exp(labels), labels) == "a one-to-one copy"
    assert copied(labels * 3 + 1, labels) == "a copy"


def test_policies_warn_fail_or_ignore(caplog: pytest.LogCaptureFixture) -> None:
    leak = data.Leak(DUPLICATES, "two rows are one", ["row 1 is row 2"])
    with caplog.at_level(logging.WARNING):
        report_leaks([leak], "ignore")
        assert not caplog.records
        report_leaks([leak], "warn")
    assert caplog.messages == ["two rows are one: row 1 is row 2"]
    with pytest.raises(ConfigError, match="two rows are one"):
        report_leaks([leak], "fail")
    with pytest.raises(ConfigError, match="no such policy"):
        report_leaks([], "shout")
