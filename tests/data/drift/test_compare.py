"""Differences are found where they are planted, and rarely among fresh rows of the same kind."""

import json

import numpy as np
import pytest

from pipeline.data.drift import Measure, Summary, compare, sentence, table
from pipeline.data.drift.compare import _unseen

WORDS = np.array(["a", "b", "c", "", "rare"], object)


def drawn(rng, rows, **changes):
    """Rows of six columns; `changes` replaces the values of some of them."""
    skewed = rng.lognormal(size=rows)
    skewed[rng.random(rows) < 0.1] = np.nan
    tokens = np.minimum(rng.geometric(0.02, (rows, 6)), 300) + 1
    columns = {
        "normal": rng.normal(size=rows),
        "skewed": skewed,
        "integer": rng.integers(0, 3, rows).astype(float),
        "constant": np.full(rows, 7.0),
        "word": WORDS[rng.choice(5, rows, p=[0.5, 0.3, 0.15, 0.04, 0.01])],
        "name": np.array([f"n{number}" for number in rng.geometric(0.01, rows)], object),
        "text": np.where(np.arange(6) < rng.integers(1, 7, rows)[:, None], tokens, 0),
    }
    return {**columns, **changes}


def measured(columns):
    kinds = {"word": "category", "name": "category", "text": "words"}
    return [Measure(name, kinds.get(name, "number"), values) for name, values in columns.items()]


def found(before, now):
    summary = Summary.restore(json.loads(json.dumps(Summary.of(measured(before)).as_json())))
    fresh = summary.empty()
    half = len(next(iter(now.values()))) // 2
    for part in (slice(None, half), slice(half, None)):  # as it comes, in chunks
        fresh.add(measured({name: values[part] for name, values in now.items()}))
    return compare(summary, fresh)


def unseen_ids(before, now):
    """Words that the training rows lack have the id 1."""
    now["text"] = np.where(np.isin(now["text"], before["text"]), now["text"], 1)
    return now


@pytest.mark.slow
@pytest.mark.parametrize(("column", "seen", "new"), [("name", 100, 1000), ("text", 10_000, 10_000)])
def test_unseen_values_that_come_several_times_are_expected_to(column, seen, new):
    false = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        before, now = ({column: drawn(rng, rows)[column]} for rows in (seen, new))
        now = unseen_ids(before, now) if column == "text" else now
        false += found(before, now)[0].differs
    assert false <= 8, false  # 1 %, and chance


def test_values_that_training_has_twice_make_unseen_ones_less_surprising():
    certain, less, least = (_unseen(60, 1000, 2, 100, twice) for twice in (0, 5, 20))
    assert certain < less < least
    assert _unseen(5, 30, 0, 500, 0) < 1e-5  # none was expected
    assert _unseen(0, 30, 0, 500, 0) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("seen", "new"), [(2000, 500), (300, 100), (200, 2000), (100, 20)])
def test_fresh_rows_of_the_same_distribution_rarely_differ(seen, new):
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(100):
        before = drawn(rng, seen)
        false += any(one.differs for one in found(before, unseen_ids(before, drawn(rng, new))))
    assert false <= 5, false


def planted(change):
    rng = np.random.default_rng(1)
    before, now = drawn(rng, 1000), drawn(rng, 300)
    return found(before, unseen_ids(before, change(now, rng)))


def some(values, share, value):
    values = values.copy()
    values[: round(share * len(values))] = value
    return values


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        (lambda now, rng: {**now, "normal": now["normal"] + 0.5}, "normal", " % below "),
        (lambda now, rng: {**now, "normal": now["normal"] * 2}, "normal", "other values"),
        (
            lambda now, rng: {**now, "normal": some(now["normal"], 0.03, 99)},
            "normal",
            "3 % outside the range",
        ),
        (lambda now, rng: {**now, "normal": some(now["normal"], 0.03, -99)}, "normal", "outside the range"),
        (lambda now, rng: {**now, "normal": some(now["normal"], 0.04, np.nan)}, "normal", "missing in 4 %"),
        (lambda now, rng: {**now, "skewed": some(now["skewed"], 0.3, np.nan)}, "skewed", "in training"),
        (lambda now, rng: {**now, "constant": now["constant"] + 1}, "constant", "outside the range 7 to 7"),
        (lambda now, rng: {**now, "integer": some(now["integer"], 0.3, 1.0)}, "integer", "other values"),
        (
            lambda now, rng: {**now, "word": some(now["word"], 0.03, "new")},
            "word",
            "3 % have categories that",
        ),
        (lambda now, rng: {**now, "word": some(now["word"], 0.3, "c")}, "word", "other shares"),
        (lambda now, rng: {**now, "word": some(now["word"], 0.5, "")}, "word", "missing in 5"),
        (lambda now, rng: {**now, "text": some(now["text"], 0.2, 999)}, "text", "% of the words were never"),
        (lambda now, rng: {**now, "text": some(now["text"], 0.2, 0)}, "text", "missing in 20 %"),
    ],
)
def test_a_planted_difference_is_the_only_one_and_is_named(change, column, reason):
    differences = planted(change)
    assert [one.column for one in differences if one.differs] == [column]
    assert reason in ", ".join(differences[0].reasons)
    assert sentence(differences).startswith(
        "inputs differ from the training rows in 1 of 7 columns: " + column
    )


def test_rows_that_do_not_differ_are_said_to_be_alike():
    assert sentence(planted(lambda now, rng: now)) == "inputs: like the training rows (7 columns tested)"


def test_the_table_has_the_shares_of_every_column():
    differences = planted(lambda now, rng: {**now, "normal": some(now["normal"], 0.5, 99.0)})
    assert len(table(differences)) == 7
    first = differences[0]
    assert (first.column, first.outside, first.rows) == ("normal", 0.5, 300)
    assert first.distance > 0.3
    assert (
        differences[-1].unseen != differences[-1].unseen or differences[-1].outside != differences[-1].outside
    )


def test_one_row_and_columns_without_values_are_compared_too():
    rng = np.random.default_rng(2)
    before = drawn(rng, 50, skewed=np.full(50, np.nan))
    now = drawn(rng, 1, skewed=np.array([3.0]))
    assert all(one.corrected >= 0.05 for one in found(before, now) if one.column != "skewed")


def test_a_large_file_of_new_rows_is_compared_with_few_training_rows():
    rng = np.random.default_rng(3)
    before = drawn(rng, 100)
    now = unseen_ids(before, drawn(rng, 200_000))
    now["normal"] += 1
    assert "normal" in [one.column for one in found(before, now) if one.differs]
