"""Strata follow from the values of the columns; several targets are balanced together."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data

ROWS = 1000
RANDOM = np.random.default_rng(8)
CODES = RANDOM.choice(4, ROWS, p=[0.5, 0.3, 0.15, 0.05])
FRAME = pd.DataFrame(
    {
        "a": RANDOM.normal(size=ROWS),
        "code": CODES,
        "word": RANDOM.choice(["x", "y", "z"], ROWS, p=[0.7, 0.2, 0.1]),
        "amount": RANDOM.normal(size=ROWS) + CODES,
        "gaps": np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS)),
        "late": RANDOM.random(ROWS) < 0.1,
        "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(RANDOM.integers(0, 900, ROWS), unit="D"),
    }
)
FRACTIONS = [0.7, 0.15, 0.15]


def parts(stratify: Any, kind: str = "category", frame: pd.DataFrame = FRAME, **options: Any) -> list[Any]:
    """The rows of each split."""
    targets = {"code": {"kind": kind, "column": "s.code"}, "amount": {"kind": "number", "column": "s.amount"}}
    split = {"fractions": FRACTIONS, "seed": 1, "stratify": stratify}
    inputs = {"a": {"kind": "vector", "column": "s.a"}}
    dataset = data.load({"s": frame}, inputs, targets, split, **options)
    return [frame.iloc[split.rows] for split in dataset.splits.values()]


def unevenness(rows: list[Any], classes: Any) -> float:
    """The largest difference of a class's share between two splits."""
    shares = [classes(part).value_counts(normalize=True) for part in rows]
    return float(np.ptp(pd.concat(shares, axis=1).fillna(0).to_numpy(), axis=1).max())


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("code", lambda rows: rows.code),
        ("s.word", lambda rows: rows.word),
        ("s.late", lambda rows: rows.late),
        ("amount", lambda rows: pd.cut(rows.amount, FRAME.amount.quantile(np.linspace(0, 1, 11)))),
        ("s.gaps", lambda rows: rows.gaps.isna()),
        ("s.day", lambda rows: pd.cut(rows.day, FRAME.day.quantile(np.linspace(0, 1, 11)))),
    ],
    ids=["whole numbers", "words", "booleans", "numbers", "gaps", "dates"],
)
def test_the_classes_or_tenths_of_a_target_or_column_have_the_same_shares_in_all_splits(
    name: str, classes: Any
) -> None:
    assert unevenness(parts(name), classes) < 0.015
    assert unevenness(parts([name]), classes) < 0.015


def test_several_targets_and_columns_are_balanced_together() -> None:
    rows = parts(["code", "s.word", "s.late"])
    assert [len(part) for part in rows] == [700, 150, 150]
    for column, most in (("code", 0.015), ("word", 0.02), ("late", 0.03)):
        assert unevenness(rows, lambda part, column=column: part[column]) < most
    pairs = lambda part: part.code.astype(str) + part.word  # noqa: E731
    assert unevenness(rows, pairs) < 0.02


def test_many_combinations_of_few_rows_do_not_break_the_fractions() -> None:
    frame = FRAME.assign(many=RANDOM.choice([f"m{number}" for number in range(200)], ROWS))
    rows = parts(["code", "s.many", "amount", "s.gaps"], frame=frame)
    assert np.abs(np.subtract([len(part) for part in rows], [700, 150, 150])).max() <= 10
    assert unevenness(rows, lambda part: part.code) < 0.03


def test_another_seed_draws_other_rows_even_if_every_stratum_is_one_row() -> None:
    frame = FRAME.assign(name=[f"n{number}" for number in range(ROWS)])
    split = {"fractions": FRACTIONS, "stratify": "s.name"}
    drawn = [
        data.load({"s": frame}, {"a": {"kind": "vector", "column": "s.a"}}, {}, split | {"seed": seed})
        for seed in (1, 2)
    ]
    tests = [set(dataset.splits["test"].rows) for dataset in drawn]
    assert [len(rows) for rows in tests] == [150, 150]
    assert len(tests[0] & tests[1]) < 50


def test_the_strata_do_not_depend_on_the_kind_of_the_target() -> None:
    for first, second in zip(parts("code"), parts("code", kind="number"), strict=True):
        assert first.index.tolist() == second.index.tolist()
    for first, second in zip(parts("code"), parts("s.code"), strict=True):
        assert first.index.tolist() == second.index.tolist()


def test_a_target_that_the_model_leaves_out_still_stratifies() -> None:
    for first, second in zip(parts("code"), parts("code", only_targets=["amount"]), strict=True):
        assert first.index.tolist() == second.index.tolist()
