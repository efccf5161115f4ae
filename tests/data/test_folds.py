"""Folds follow from the rows: each row is held out once, groups stay together, and time runs forward."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.errors import ConfigError

ROWS = 300
RANDOM = np.random.default_rng(5)
FRAME = pd.DataFrame(
    {
        "id": [f"row {number}" for number in range(ROWS)],
        "a": RANDOM.normal(size=ROWS),
        "b": RANDOM.normal(size=ROWS),
        "kind": RANDOM.choice(["x", "y", "z"], ROWS, p=[0.75, 0.2, 0.05]),
        "person": RANDOM.integers(0, 60, ROWS),
        "day": pd.date_range("2024-01-01", periods=ROWS // 3).repeat(3).strftime("%Y-%m-%d"),
        "part": np.arange(ROWS) % 10,
    }
)
FRACTIONS: dict[str, Any] = {"fractions": [0.7, 0.15, 0.15], "seed": 0}
COLUMN: dict[str, Any] = {"column": "s.part", "train": [0, 1, 2, 3, 4, 5, 6], "val": [7, 8], "test": 9}
TIME: dict[str, Any] = {"time": "s.day", "fractions": [0.6, 0.2, 0.2]}


def loaded(split: dict[str, Any], frame: pd.DataFrame = FRAME, column: str = "a", **more: Any) -> Any:
    inputs = {"x": {"kind": "vector", "column": f"s.{column}"}}
    targets = {"kind": {"kind": "category", "column": "s.kind"}}
    return data.load({"s": frame}, inputs, targets, split, **more)


def members(split: dict[str, Any], frame: pd.DataFrame = FRAME, **options: Any) -> list[dict[str, set[str]]]:
    """For each fold the ids of the rows of every split."""
    folds = [loaded({**split, "fold": fold}, frame, **options) for fold in range(split["folds"])]
    return [{name: set(frame["id"].iloc[part.rows]) for name, part in one.splits.items()} for one in folds]


@pytest.mark.parametrize("split", [FRACTIONS, COLUMN, {**FRACTIONS, "group": "s.person"}])
def test_under_fixed_test_rows_every_other_row_is_held_out_once(split: dict[str, Any]) -> None:
    test = set(FRAME["id"].iloc[loaded(split).splits["test"].rows])
    folds = members({**split, "folds": 4})
    assert all(fold["test"] == test for fold in folds)
    held_out = [row for fold in folds for row in fold["val"]]
    assert sorted(held_out) == sorted(set(FRAME["id"]) - test)
    assert all(fold["train"] == set(FRAME["id"]) - test - fold["val"] for fold in folds)
    sizes = [len(fold["val"]) for fold in folds]
    assert max(sizes) - min(sizes) <= (12 if "group" in split else 1)


@pytest.mark.parametrize("split", [FRACTIONS, COLUMN])
def test_every_row_can_be_tested_once_while_another_fold_validates(split: dict[str, Any]) -> None:
    folds = members({**split, "folds": 5, "tested": "once"})
    assert sorted(row for fold in folds for row in fold["test"]) == sorted(FRAME["id"])
    for fold, following in zip(folds, [*folds[1:], folds[0]], strict=True):
        assert fold["val"] == following["test"]
        assert set.union(*fold.values()) == set(FRAME["id"])
        assert sum(map(len, fold.values())) == ROWS


@pytest.mark.parametrize("tested", ["fixed", "once"])
def test_groups_stay_together(tested: str) -> None:
    split = {**FRACTIONS, "group": "s.person", "folds": 4, "tested": tested}
    person = dict(zip(FRAME["id"], FRAME["person"], strict=True))
    for fold in members(split):
        people = [{person[row] for row in rows} for rows in fold.values()]
        assert len(set.union(*people)) == sum(map(len, people))


@pytest.mark.parametrize("split", [FRACTIONS, COLUMN])
def test_every_class_has_its_share_in_every_fold(split: dict[str, Any]) -> None:
    kind = dict(zip(FRAME["id"], FRAME["kind"], strict=True))
    folds = members({**split, "stratify": "kind", "folds": 5, "tested": "once"})
    for name, count in FRAME["kind"].value_counts().items():
        counts = [sum(kind[row] == name for row in fold["test"]) for fold in folds]
        assert max(counts) - min(counts) <= 1, (name, count)


@pytest.mark.parametrize("tested", ["fixed", "once"])
def test_folds_by_time_train_only_on_earlier_rows(tested: str) -> None:
    split = {**TIME, "folds": 4, "tested": tested}
    folds = members(split)
    day = dict(zip(FRAME["id"], FRAME["day"], strict=True))
    held = "test" if tested == "once" else "val"
    for fold in folds:
        train, val, test = ([day[row] for row in fold[name]] for name in ("train", "val", "test"))
        assert max(train) < min(val) <= max(val) < min(test)
    held_out = [row for fold in folds for row in fold[held]]
    assert len(held_out) == len(set(held_out))
    # Only the first blocks are never held out, as nothing earlier could train.
    free = ROWS if tested == "once" else ROWS - len(folds[0]["test"])
    blocks = 6 if tested == "once" else 5
    assert len(held_out) == pytest.approx(free * 4 / blocks, abs=6)


@pytest.mark.parametrize("more", [{}, {"stratify": "kind"}, {"group": "s.person"}, {"tested": "once"}])
def test_folds_depend_on_neither_the_order_of_the_rows_nor_the_inputs(more: dict[str, Any]) -> None:
    split = {**FRACTIONS, "folds": 3, **more}
    shuffled = FRAME.sample(frac=1, random_state=3)
    assert members(split) == members(split, shuffled) == members(split, column="b")


def test_another_seed_gives_other_folds_of_a_split_by_column() -> None:
    first, other = members({**COLUMN, "folds": 3, "seed": 0}), members({**COLUMN, "folds": 3, "seed": 1})
    assert first[0]["test"] == other[0]["test"]
    assert first[0]["val"] != other[0]["val"]


def test_identical_rows_are_in_the_same_fold() -> None:
    frame = FRAME.drop(columns="id").iloc[np.arange(ROWS) % 60].reset_index(drop=True)
    number = np.arange(ROWS) % 60
    for fold in range(3):
        parts = loaded({**FRACTIONS, "folds": 3, "fold": fold}, frame).splits
        assert not set(number[parts["train"].rows]) & set(number[parts["val"].rows])


def test_more_folds_than_groups_are_refused_by_name() -> None:
    frame = FRAME.assign(person=np.arange(ROWS) % 4)
    split = {**FRACTIONS, "group": "s.person", "folds": 10, "fold": 9}
    with pytest.raises(ConfigError, match=r"data.split.folds: too few rows or groups for so many folds"):
        loaded(split, frame)


def test_a_class_of_a_single_row_moves_no_row_so_that_every_row_is_held_out() -> None:
    frame = FRAME.assign(kind=["rare", *FRAME["kind"][1:]])
    folds = members({**COLUMN, "stratify": "kind", "folds": 5, "tested": "once"}, frame)
    assert sorted(row for fold in folds for row in fold["test"]) == sorted(frame["id"])


@pytest.mark.parametrize("tested", ["fixed", "once"])
@pytest.mark.parametrize("part", ["val", "test"])
def test_of_rare_classes_only_rows_that_leave_fixed_test_rows_are_told_of(
    part: str, tested: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = loaded(FRACTIONS, join="id").splits[part].rows[0]
    frame = FRAME.assign(kind=["rare" if place == row else kind for place, kind in enumerate(FRAME["kind"])])
    caplog.clear()
    loaded(FRACTIONS, frame, join="id")
    assert f"data.split: 1 {part} row was moved to training" in caplog.text
    caplog.clear()
    loaded({**FRACTIONS, "folds": 5, "fold": 0, "tested": tested}, frame, join="id")
    assert ("moved to training" in caplog.text) == (part == "test" and tested == "fixed")
