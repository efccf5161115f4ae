"""Classes that no training row would have: some of their rows are moved to training, and no others."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data

ROWS = 600
RANDOM = np.random.default_rng(2)
COMMON = np.array([f"c{number}" for number in RANDOM.choice(3, ROWS, p=[0.6, 0.3, 0.1])], dtype=object)
FRACTIONS: dict[str, Any] = {"fractions": [0.7, 0.15, 0.15], "seed": 0}


def with_rare(values: np.ndarray, rare: Any) -> np.ndarray:
    """The values with a class of its own in each of some rows."""
    result = values.copy()
    result[5 : 5 + 20 * len(rare) : 20] = rare
    return result


def flags() -> np.ndarray:
    return (np.arange(ROWS)[:, None] == np.arange(7, 7 + 30 * 12, 30)).astype(int)


def cells(separator: str | None) -> np.ndarray:
    labels = [["all", f"c{row % 3}"] + ([f"r{row}"] if row % 30 == 7 else []) for row in range(ROWS)]
    result = np.empty(ROWS, dtype=object)
    result[:] = labels if separator is None else [separator.join(cell) for cell in labels]
    return result


TWELVE = [f"r{number}" for number in range(12)]
TARGETS: dict[str, tuple[dict[str, Any], Any]] = {
    "category of words": ({"kind": "category"}, with_rare(COMMON, TWELVE)),
    "category of numbers": (
        {"kind": "category"},
        with_rare(RANDOM.integers(0, 3, ROWS), 10**17 + np.arange(12)),
    ),
    "category with gaps": (
        {"kind": "category"},
        with_rare(RANDOM.choice([1, 2, np.nan], ROWS), range(5, 17)),
    ),
    "category of booleans": ({"kind": "category"}, with_rare(np.zeros(ROWS, bool), [True])),
    "binary": ({"kind": "binary"}, with_rare(np.full(ROWS, "no", dtype=object), ["yes"])),
    "labels in columns of an array": ({"kind": "labels"}, flags()),
    "labels in a cell": ({"kind": "labels"}, cells("|")),
    "labels in lists": ({"kind": "labels"}, cells(None)),
}


def rows_of(column: Any, entry: dict[str, Any], split: dict[str, Any], **more: Any) -> data.Dataset:
    columns = {"a": np.arange(float(ROWS)), "y": column, **more}
    targets = {"y": {"column": "s.y", **entry}}
    return data.load({"s": columns}, {"a": {"kind": "vector", "column": "s.a"}}, targets, split)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", TARGETS)
def test_training_has_every_class_of_every_kind_of_head(name: str, seed: int) -> None:
    entry, column = TARGETS[name]
    dataset = rows_of(column, entry, FRACTIONS | {"seed": seed})
    sizes = np.array([len(split.rows) for split in dataset.splits.values()])
    assert 420 <= sizes[0] <= 432
    if entry["kind"] == "category":
        assert len(dataset.targets["y"].names) == len(set(pd.Series(column).dropna()))
    elif name.startswith("labels"):
        labels = dataset.splits["train"].labels["y"]
        assert (labels.sum(axis=0) > 0).all()
        assert labels.shape[1] == (12 if name == "labels in columns of an array" else 24)
    else:
        assert dataset.splits["train"].labels["y"].sum() == 1


def test_only_rows_of_classes_without_a_training_row_are_moved_and_this_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    column = TARGETS["category of words"][1]
    entry = {"kind": "category"}
    # The row stays itself when the class is hidden in a column of fractions, which is no class.
    key = np.arange(ROWS).astype(str)
    plain = data.load(
        {"s": {"id": key, "y": COMMON}}, {}, {"y": entry | {"column": "s.y"}}, FRACTIONS, join="id"
    )
    caplog.clear()
    moved = data.load(
        {"s": {"id": key, "y": column}}, {}, {"y": entry | {"column": "s.y"}}, FRACTIONS, join="id"
    )
    rare = set(range(5, 245, 20))
    before = {name: set(split.rows) for name, split in plain.splits.items()}
    after = {name: set(split.rows) for name, split in moved.splits.items()}
    assert after["train"] == before["train"] | rare
    assert after["val"] == before["val"] - rare
    assert after["test"] == before["test"] - rare
    (message,) = [record.getMessage() for record in caplog.records]
    counts = [f"{len(before[name] & rare)} {name}" for name in ("test", "val") if before[name] & rare]
    assert f"{' and '.join(counts)} rows were moved to training" in message
    assert f"s.y {column[min(rare - before['train'])]}" in message


@pytest.mark.parametrize("target", ["y", "z", "w"])
def test_which_rows_are_moved_does_not_depend_on_the_targets(target: str) -> None:
    columns = {
        "y": TARGETS["category of words"][1],
        "z": TARGETS["category of numbers"][1],
        "w": TARGETS["labels in a cell"][1],
    }
    kinds = {"y": "category", "z": "category", "w": "labels"}
    loaded = [
        data.load(
            {"s": {"a": np.arange(float(ROWS)), **columns}},
            {"a": {"kind": "vector", "column": "s.a"}},
            {name: {"kind": kinds[name], "column": f"s.{name}"} for name in names},
            FRACTIONS,
        )
        for names in ([target], list(columns))
    ]
    assert loaded[0].fingerprint == loaded[1].fingerprint
    assert loaded[0].splits["test"].rows.tolist() == loaded[1].splits["test"].rows.tolist()


def test_the_order_of_the_rows_does_not_matter() -> None:
    entry, column = TARGETS["category of words"]
    order = RANDOM.permutation(ROWS)
    first = rows_of(column, entry, FRACTIONS)
    numbers = {"a": np.arange(float(ROWS))[order], "y": column[order]}
    second = data.load(
        {"s": numbers},
        {"a": {"kind": "vector", "column": "s.a"}},
        {"y": entry | {"column": "s.y"}},
        FRACTIONS,
    )
    for name, split in second.splits.items():
        assert sorted(order[split.rows].tolist()) == first.splits[name].rows.tolist()


def test_the_group_of_a_moved_row_is_moved_as_a_whole() -> None:
    entry, column = TARGETS["category of words"]
    person = np.array([f"p{row % 150}" for row in range(ROWS)], dtype=object)
    dataset = rows_of(column, entry, FRACTIONS | {"group": "s.person", "stratify": "y"}, person=person)
    assert len(dataset.targets["y"].names) == 15
    people = [set(person[split.rows]) for split in dataset.splits.values()]
    assert sum(map(len, people)) == 150


def test_columns_that_are_one_value_per_group_are_no_classes() -> None:
    person = np.array([f"p{row % 60}" for row in range(ROWS)], dtype=object)
    town = np.array([f"t{row % 60 // 2}" for row in range(ROWS)], dtype=object)
    dataset = rows_of(
        COMMON, {"kind": "category"}, FRACTIONS | {"group": "s.person"}, person=person, town=town
    )
    assert [len(split.rows) for split in dataset.splits.values()] == [420, 90, 90]


@pytest.mark.parametrize(
    "column",
    [
        np.array([f"n{row}" for row in range(ROWS)]),
        np.array([f"n{max(0, row - 250)}" for row in range(ROWS)]),
        np.arange(ROWS) // 3,
        RANDOM.normal(size=ROWS).round(1),
    ],
    ids=["names", "more rare classes than a target has", "many numbers", "fractions"],
)
def test_other_columns_move_no_rows(column: np.ndarray) -> None:
    dataset = rows_of(COMMON, {"kind": "category"}, FRACTIONS, more=column)
    assert [len(split.rows) for split in dataset.splits.values()] == [420, 90, 90]


def test_many_columns_leave_most_rows_of_validation_and_test() -> None:
    counts = {f"n{number}": with_rare(RANDOM.integers(0, 3, ROWS), range(9, 21)) for number in range(20)}
    counts |= {
        f"m{number}": RANDOM.permutation(with_rare(RANDOM.integers(0, 3, ROWS), range(9, 21)))
        for number in range(20)
    }
    dataset = rows_of(COMMON, {"kind": "category"}, FRACTIONS, **counts)
    sizes = [len(split.rows) for split in dataset.splits.values()]
    assert 72 <= sizes[1] < 90
    assert 72 <= sizes[2] < 90


def test_large_groups_are_not_moved_for_rare_classes_of_other_columns() -> None:
    town = np.array([f"t{row % 12}" for row in range(ROWS)], dtype=object)
    split = FRACTIONS | {"group": "s.town"}
    before = [
        len(one.rows) for one in rows_of(COMMON, {"kind": "category"}, split, town=town).splits.values()
    ]
    rare = with_rare(COMMON, TWELVE)
    dataset = rows_of(COMMON, {"kind": "category"}, split, town=town, rare=rare)
    assert [len(one.rows) for one in dataset.splits.values()] == before


def test_stratify_names_a_column_that_is_to_have_all_its_classes_in_training() -> None:
    column = np.array([f"n{max(0, row - 450)}" for row in range(ROWS)])
    assert len(rows_of(column, {"kind": "category"}, FRACTIONS).targets["y"].names) < 150
    dataset = rows_of(column, {"kind": "category"}, FRACTIONS | {"stratify": "y"})
    assert len(dataset.targets["y"].names) == 150


def test_no_split_is_left_empty() -> None:
    column = np.array(["x"] * 9 + ["y", "z", "w"])
    for seed in range(20):
        dataset = data.load(
            {"s": {"y": column, "a": np.arange(12.0)}},
            {},
            {"y": {"kind": "category", "column": "s.y"}},
            FRACTIONS | {"seed": seed, "stratify": "y"},
        )
        assert all(len(split.rows) for split in dataset.splits.values())


def test_a_split_by_column_or_time_is_left_as_it_is() -> None:
    day = np.sort(RANDOM.integers(0, 100, ROWS))
    column = np.where(day == day.max(), "new", COMMON)
    dataset = rows_of(
        column, {"kind": "category"}, {"time": "s.day", "fractions": [0.7, 0.15, 0.15]}, day=day
    )
    assert len(dataset.targets["y"].names) == 3
    assert day[dataset.splits["train"].rows].max() < day.max()
    assert (dataset.splits["test"].labels["y"] == -1).sum() == (column == "new").sum()
