"""How the rows are split: as the file says, by groups, by time, or at random."""

import numpy as np
import pandas as pd
import pytest

from tests.data.guess.guesses import NUMBERS, RANDOM, ROWS, SIGNS, config_of, plan_of, write

DAYS = pd.date_range("2021-03-01", periods=ROWS, freq="D")
PEOPLE = np.repeat(np.arange(40), 3)
UNEVEN = np.sort(RANDOM.choice(np.arange(30), ROWS, p=np.arange(1, 31) / 465))
LETTERS = ["ABC"[one % 3] for one in UNEVEN]


def split_of(tmp_path, targets=("sign",), **columns):
    write(tmp_path, **({"x": NUMBERS, "sign": SIGNS} | columns))
    return config_of(tmp_path, ["s.csv"], list(targets))["split"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (RANDOM.choice(["train", "val", "test"], ROWS), {"train": "train", "val": "val", "test": "test"}),
        (RANDOM.choice(["TRAIN", "dev", "Test"], ROWS), {"train": "TRAIN", "val": "dev", "test": "Test"}),
        (np.arange(ROWS) % 4 % 3, {"train": 0, "val": 1, "test": 2}),
    ],
)
def test_a_column_that_names_the_splits_is_used(cells, expected, tmp_path):
    assert split_of(tmp_path, split=cells) == {"column": "s.split"} | expected


def test_a_column_without_validation_rows_is_left_out(tmp_path):
    split = split_of(tmp_path, set=RANDOM.choice(["train", "test"], ROWS))
    assert "fractions" in split
    plan = plan_of(tmp_path, ["s.csv"], ["sign"])
    assert "not all of train, val and test" in plan.left_out["s.set"]


@pytest.mark.parametrize("name", ["patient", "subject_id", "userId", "Person", "machine id"])
def test_rows_of_one_thing_stay_together(name, tmp_path):
    split = split_of(tmp_path, **{name: RANDOM.permutation(PEOPLE)})
    assert split["group"] == f"s.{name}"
    assert split["stratify"] == "sign"
    plan = plan_of(tmp_path, ["s.csv"], ["sign"])
    assert f"s.{name}" in plan.left_out
    assert "40 of them, 3 rows each" in plan.split.why


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("id", PEOPLE),
        ("house_id", [f"P{one:02}" for one in PEOPLE]),  # P01 is no duration
        ("well", [f"W{one}" for one in PEOPLE]),
        ("Rail", [f"rail {one}" for one in PEOPLE]),
        ("village", PEOPLE),
    ],
)
def test_cells_show_that_rows_of_one_thing_repeat(name, cells, tmp_path):
    age = RANDOM.integers(20, 80, 40)[PEOPLE]
    split = split_of(tmp_path, **{name: cells, "age": age})
    assert split["group"] == f"s.{name}"
    plan = plan_of(tmp_path, ["s.csv"], ["sign"])
    assert "40 of them, 3 rows each; age is the same in all rows of one" in plan.split.why
    assert f"s.{name}" in plan.left_out


def test_an_id_of_many_rows_is_a_group_and_no_category(tmp_path):
    ids = np.repeat(np.arange(12), 30)
    write(tmp_path, id=ids, x=RANDOM.normal(size=360), sign=RANDOM.integers(0, 2, 360))
    plan = plan_of(tmp_path, ["s.csv"], ["sign"])
    assert plan.split.options["group"] == "s.id"
    assert "s.id" in plan.left_out


@pytest.mark.parametrize(
    ("name", "cells", "more"),
    [
        ("city", RANDOM.choice([f"town of {one}" for one in "abcdefghijklmnopqrstuvwxyz"], ROWS), {}),
        ("dose", np.tile(np.arange(30), 4), {}),  # every dose as often, but nothing describes it
        # The grade is the beginning of the sub-grade, and no description of it.
        (
            "sub_grade",
            [f"{LETTERS[row]}{one // 3 + 1}" for row, one in enumerate(UNEVEN)],
            {"grade": LETTERS},
        ),
        ("month", np.repeat(np.arange(24), 5), {"winter": np.repeat(np.arange(24) % 12 < 2, 5)}),
    ],
)
def test_classes_and_amounts_that_repeat_are_no_things(name, cells, more, tmp_path):
    assert "group" not in split_of(tmp_path, **{name: cells}, **more)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("patient", np.arange(ROWS)),  # one row each
        ("group", RANDOM.choice(["treated", "control"], ROWS)),  # two groups
        ("x2", PEOPLE),  # nothing says that these are things
        ("patient_age", PEOPLE),
        ("row no", PEOPLE),
        ("patient", [None, *PEOPLE[1:]]),  # a row without a group cannot be split by groups
    ],
)
def test_other_columns_are_no_groups(name, cells, tmp_path):
    assert "group" not in split_of(tmp_path, **{name: cells})


WAYS = ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "%m/%d/%Y", "%b %d, %Y"]


@pytest.mark.parametrize("times", [*(DAYS.strftime(way) for way in WAYS), DAYS[::-1].strftime("%Y-%m-%d")])
def test_regular_dates_in_order_are_a_history(times, tmp_path):
    split = split_of(tmp_path, day=times)
    assert split == {"time": "s.day", "fractions": [0.6, 0.2, 0.2]}
    assert "or at random" in plan_of(tmp_path, ["s.csv"], ["sign"]).split.others[0]


def test_years_in_order_are_a_history(tmp_path):
    assert split_of(tmp_path, year=1900 + np.arange(ROWS))["time"] == "s.year"


def test_irregular_dates_are_a_history_if_the_target_changes_slowly(tmp_path):
    days = pd.Timestamp("2021-01-01") + pd.to_timedelta(np.cumsum(RANDOM.integers(1, 30, ROWS)), unit="D")
    slow = np.cumsum(NUMBERS)
    assert split_of(tmp_path, ["y"], day=days, y=slow)["time"] == "s.day"
    assert "time" not in split_of(tmp_path, ["y"], day=days, y=NUMBERS + RANDOM.normal(size=ROWS))


@pytest.mark.parametrize("order", ["shuffled", "many rows a day"])
def test_other_dates_are_an_alternative_only(order, tmp_path):
    days = RANDOM.permutation(DAYS) if order == "shuffled" else np.sort(RANDOM.choice(DAYS[:20], ROWS))
    split = split_of(tmp_path, day=days)
    assert split == {"fractions": [0.6, 0.2, 0.2], "stratify": "sign", "seed": 0}
    assert "time: s.day" in plan_of(tmp_path, ["s.csv"], ["sign"]).split.others[0]


def test_the_first_target_of_classes_stratifies(tmp_path):
    columns = {"y": RANDOM.normal(size=ROWS), "kind": RANDOM.choice(["a", "b", "c"], ROWS)}
    assert split_of(tmp_path, ["y", "kind", "sign"], **columns)["stratify"] == "kind"
    assert "stratify" not in split_of(tmp_path, ["y"], **columns)


@pytest.mark.parametrize(("rows", "train"), [(60, 0.6), (1000, 0.7), (60_000, 0.8)])
def test_few_rows_need_larger_shares_to_validate_and_test(rows, train, tmp_path):
    x = np.random.default_rng(0).normal(size=rows)
    write(tmp_path, "s.npz", x=x, y=np.sin(9 * x))
    assert config_of(tmp_path, ["s.npz"], ["y"])["split"]["fractions"][0] == train
