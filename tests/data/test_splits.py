"""Splits have the sizes that were requested and do not depend on the order of the rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.errors import ConfigError
from tests.data.split_frames import FRACTIONS, FRAME, PLAIN, RANDOM, ROWS, loaded


def members(dataset: Any, frame: pd.DataFrame = FRAME) -> dict[str, set[str]]:
    return {name: set(frame["id"].iloc[split.rows]) for name, split in dataset.splits.items()}


def sizes(dataset: Any) -> list[int]:
    return [len(split.rows) for split in dataset.splits.values()]


def test_fractions_are_exact() -> None:
    assert sizes(loaded(FRACTIONS, PLAIN)) == [280, 60, 60]


@pytest.mark.parametrize("more", [{}, {"stratify": "kind"}, {"stratify": "amount"}, {"group": "s.person"}])
def test_the_split_does_not_depend_on_the_order_of_the_rows(more: dict[str, Any]) -> None:
    shuffled = FRAME.sample(frac=1, random_state=3)
    first, second = loaded(FRACTIONS | more), loaded(FRACTIONS | more, shuffled)
    assert members(first) == members(second, shuffled)
    assert first.fingerprint == second.fingerprint


def test_another_seed_gives_another_split_and_the_seed_of_the_split_takes_precedence() -> None:
    first = loaded(FRACTIONS)
    other = loaded(FRACTIONS | {"seed": 1})
    assert members(first) != members(other)
    assert first.fingerprint != other.fingerprint
    assert members(loaded(FRACTIONS, seed=5)) == members(first)
    assert members(loaded({"fractions": [0.7, 0.15, 0.15]}, seed=1)) == members(other)


def test_with_a_join_the_split_depends_on_the_keys_only() -> None:
    changed = FRAME.assign(a=0.0)
    assert members(loaded(FRACTIONS, join="id")) == members(loaded(FRACTIONS, changed, join="id"))
    assert members(loaded(FRACTIONS)) != members(loaded(FRACTIONS, FRAME.assign(a=FRAME["a"] + 1)))


def test_every_stratum_and_the_rows_without_one_are_divided_by_the_fractions() -> None:
    dataset = loaded(FRACTIONS | {"stratify": "kind"}, PLAIN)
    for value, rows in FRAME.groupby("kind"):
        counts = [int((FRAME["kind"].iloc[split.rows] == value).sum()) for split in dataset.splits.values()]
        assert np.abs(counts - np.array([0.7, 0.15, 0.15]) * len(rows)).max() <= 2
        assert abs(counts[0] - 0.7 * len(rows)) <= 1
    assert np.abs(np.subtract(sizes(dataset), [280, 60, 60])).max() <= 1


def test_many_small_strata_match_the_fractions_together_and_each_has_a_training_row() -> None:
    frame = pd.DataFrame({"id": range(300), "a": np.arange(300.0), "kind": np.repeat(np.arange(100), 3)})
    dataset = data.load(
        {"s": frame},
        {"x": {"kind": "vector", "column": "s.a"}},
        {"kind": {"kind": "category", "column": "s.kind"}},
        {"fractions": [0.7, 0.15, 0.15], "stratify": "kind", "seed": 0},
    )
    assert np.abs(np.subtract(sizes(dataset), [210, 45, 45])).max() <= 1
    assert len(dataset.targets["kind"].names) == 100


def test_numbers_are_stratified_in_ten_classes() -> None:
    dataset = loaded(FRACTIONS | {"stratify": "amount"})
    tenth = pd.qcut(FRAME["amount"], 10, labels=False)
    shares = [
        np.bincount(tenth.iloc[split.rows], minlength=10) / len(split.rows)
        for split in dataset.splits.values()
    ]
    assert np.ptp(shares, axis=0).max() < 0.04


def test_distributions_are_stratified_by_their_most_likely_class() -> None:
    shares = np.eye(3)[RANDOM.choice(3, 200, p=[0.7, 0.2, 0.1])] * 0.8 + 0.2 / 3
    dataset = data.load(
        {"s": {"y": shares, "a": np.arange(200.0)}},
        {"x": {"kind": "vector", "column": "s.a"}},
        {"y": {"kind": "category", "column": "s.y"}},
        {**FRACTIONS, "stratify": "y"},
    )
    counts = [
        np.bincount(split.labels["y"].argmax(axis=1)) / len(split.rows) for split in dataset.splits.values()
    ]
    assert np.ptp(counts, axis=0).max() < 0.04


def test_a_group_stays_together_with_and_without_strata() -> None:
    for more in ({}, {"stratify": "kind"}):
        dataset = loaded(FRACTIONS | {"group": "s.person"} | more)
        people = [set(FRAME["person"].iloc[split.rows]) for split in dataset.splits.values()]
        assert sum(map(len, people)) == len(set(FRAME["person"]))
        assert np.abs(np.array(sizes(dataset)) / ROWS - [0.7, 0.15, 0.15]).max() < 0.05
        assert dataset.groups is not None


def test_identical_rows_stay_together() -> None:
    double = pd.concat([FRAME, FRAME])
    dataset = loaded(FRACTIONS, double)
    assert sum(map(len, members(dataset, double).values())) == ROWS


def test_a_column_has_one_or_several_values_for_each_split() -> None:
    frame = FRAME.assign(part=np.array(["a", "b", "c", "d"]).repeat(100))
    dataset = loaded({"column": "s.part", "train": ["a", "d"], "val": "b", "test": "c"}, frame)
    assert sizes(dataset) == [200, 100, 100]
    assert dataset.splits["val"].rows[0] == 100


def test_a_split_by_time_and_fractions_keeps_rows_of_one_time_together_and_tests_on_the_latest() -> None:
    dataset = loaded({"time": "s.day", "fractions": [0.7, 0.15, 0.15]}, FRAME.sample(frac=1, random_state=0))
    assert sizes(dataset) == [280, 60, 60]
    frame = FRAME.sample(frac=1, random_state=0)
    days = [frame["day"].iloc[split.rows] for split in dataset.splits.values()]
    assert days[0].max() < days[1].min()
    assert days[1].max() < days[2].min()


def test_a_split_by_time_may_name_the_starts_of_validation_and_test() -> None:
    dataset = loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-03-11"})
    assert sizes(dataset) == [60 * 4, 10 * 4, 30 * 4]
    assert FRAME["day"].iloc[dataset.splits["val"].rows].min() == "2024-03-01"
    numbered = loaded({"time": "s.person", "val": 40, "test": 50})
    assert FRAME["person"].iloc[numbered.splits["train"].rows].max() == 39


@pytest.mark.parametrize(
    ("way", "starts"),
    [
        ("%m/%d/%Y 0:00:00", ("3/1/2024 0:00:00", "2024-03-11")),
        ("%d.%m.%Y", ("01.03.2024", "11.03.2024")),
        ("%b %d, %Y", ("2024-03-01", "Mar 11, 2024")),
        ("%Y-%m-%dT%H:%M:%S+01:00", ("2024-02-29T23:00", "2024-03-10T23:00Z")),
    ],
)
def test_times_may_have_any_common_form(way: str, starts: tuple[str, str]) -> None:
    frame = FRAME.assign(day=pd.to_datetime(FRAME["day"]).dt.strftime(way))
    dataset = loaded({"time": "s.day", "val": starts[0], "test": starts[1]}, frame)
    expected = loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-03-11"})
    assert members(dataset) == members(expected)


def test_whole_numbers_may_be_dates_and_the_starts_say_so() -> None:
    frame = FRAME.assign(day=pd.to_datetime(FRAME["day"]).dt.strftime("%Y%m%d").astype(int))
    by_date = loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-03-11"}, frame)
    assert members(by_date) == members(loaded({"time": "s.day", "val": 20240301, "test": 20240311}, frame))


def test_the_split_says_where_the_day_is_if_the_times_do_not(caplog: pytest.LogCaptureFixture) -> None:
    frame = FRAME.assign(day=np.where(np.arange(ROWS) < 300, "2/1/2024", "1/3/2024"))
    frame.loc[350:, "day"] = "1/4/2024"
    dataset = loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-04-01", "day_first": True}, frame)
    assert sizes(dataset) == [300, 50, 50]
    assert "may begin with the month" not in caplog.text
    with pytest.raises(ConfigError, match="split is empty"):
        loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-04-01"}, frame)
    assert "are read as month first (data.split.day_first=true reads the day first)" in caplog.text


def test_a_time_column_may_have_dates() -> None:
    frame = FRAME.assign(day=pd.to_datetime(FRAME["day"]))
    assert sizes(loaded({"time": "s.day", "val": "2024-03-01", "test": "2024-03-11"}, frame)) == [
        240,
        40,
        120,
    ]


@pytest.mark.parametrize(
    ("split", "key", "found"),
    [
        ({}, "data.split", "{}"),
        ({"fractions": [0.7, 0.3]}, "data.split.fractions", "[0.7, 0.3]"),
        ({"fractions": [0.7, 0.2, 0.2]}, "data.split.fractions", "0.2"),
        ({"fractions": [0.7, 0.3, 0.0]}, "data.split.test", "0 rows"),
        ({**FRACTIONS, "stratfy": "kind"}, "data.split.stratfy", "stratfy"),
        ({**FRACTIONS, "stratify": "knd"}, "data.split.stratify", "knd"),
        ({**FRACTIONS, "group": "s.kind"}, "data.split.group", "''"),
        ({"column": "s.person", "train": 0, "val": 1, "test": 2}, "data.split.column", ""),
        ({"column": "s.kind", "train": "x", "val": "y", "test": "z"}, "data.split.column", "''"),
        ({"column": "s.kind", "train": "x", "val": "y"}, "data.split.test", None),
        ({"column": "s.none", "train": 0, "val": 1, "test": 2}, "data.split.column", "s.none"),
        ({"time": "s.day"}, "data.split.val", None),
        ({"time": "s.day", "val": "2024-03-01", "test": "2024-02-01"}, "data.split.test", "2024-02-01"),
        ({"time": "s.day", "val": 3, "test": 4}, "data.split.val", "3"),
        ({"time": "s.person", "val": "2024-03-01", "test": 4}, "data.split.val", "2024-03-01"),
        ({"time": "s.day", "val": "soon", "test": "later"}, "data.split.val", "soon"),
        ({"time": "s.id", "fractions": [0.7, 0.15, 0.15]}, "data.split.time", "row 0"),
        ({"time": "s.lists", "fractions": [0.7, 0.15, 0.15]}, "data.split.time", "[1]"),
        ({"time": "s.kind", "fractions": [0.7, 0.15, 0.15]}, "data.split.time", "''"),
        ({"time": "s.day", "val": "2025-01-01", "test": "2026-01-01"}, "data.split.val", "0 rows"),
    ],
)
def test_a_wrong_split_is_refused(split: dict[str, Any], key: str, found: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(split)
    assert caught.value.key == key
    assert found is None or found in str(caught.value.found)


@pytest.mark.parametrize("rows", [7, 20, 101])
@pytest.mark.parametrize("fractions", [[0.5, 0.25, 0.25], [0.7, 0.15, 0.15], [0.2, 0.2, 0.6]])
def test_splits_of_few_rows_have_the_rounded_sizes(rows: int, fractions: list[float]) -> None:
    dataset = loaded({"fractions": fractions, "seed": 0}, PLAIN[FRAME.kind != ""][:rows].assign(kind="x"))
    first, second = (round(share * rows) for share in np.cumsum(fractions)[:2])
    assert sizes(dataset) == [first, second - first, rows - second]


def test_the_largest_share_of_a_group_decides_its_stratum() -> None:
    frame = FRAME.assign(person=np.arange(ROWS) // 4, kind=["x", "x", "x", "y"] * (ROWS // 4))
    dataset = loaded(FRACTIONS | {"stratify": "kind", "group": "s.person"}, frame)
    assert sizes(dataset) == [280, 60, 60]


def test_a_row_without_a_split_and_a_value_of_no_split_are_told_apart() -> None:
    split = {"column": "s.kind", "train": "x", "val": "y", "test": "z"}
    with pytest.raises(ConfigError, match="the row has no split"):
        loaded(split)
    with pytest.raises(ConfigError, match="the value belongs to no split"):
        loaded(split | {"test": "w"}, FRAME[FRAME.kind != ""])


def test_validation_and_test_start_at_different_times() -> None:
    for test in ("2024-02-01", "2024-01-31"):
        with pytest.raises(ConfigError, match="test starts before val"):
            loaded({"time": "s.day", "val": "2024-02-01", "test": test})
    dataset = loaded({"time": "s.day", "val": "2024-02-01", "test": "2024-02-02"})
    assert sizes(dataset)[1] == 4
