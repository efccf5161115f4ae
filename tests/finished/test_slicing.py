"""Every head on every group of rows: the groups that columns and heads make, and the worst ones first."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.columns import Column
from pipeline.errors import ConfigError
from pipeline.finished.slice_record import findings, slice_section, slice_text
from pipeline.finished.slicing import groupings, slices
from pipeline.slices.groups import by_value
from pipeline.training.measure import Reference
from tests.finished.sample import evaluation

NAN = float("nan")


def column(values, text=None):
    values = np.asarray(values)
    return Column(
        "s.c", "by", values, lambda row: f"row {row}", text=text and (lambda: np.array(text, object))
    )


def with_columns(measured, **columns):
    measured.rows.columns = {name: column(values) for name, values in columns.items()}
    return measured


def with_labels(kind, labels, names):
    measured = evaluation({"a": 1.0}, rows=len(labels))
    measured.references["a"] = Reference(kind, np.asarray(labels), [], [], 1.0)
    measured.targets["a"] = SimpleNamespace(names=names)
    return measured


def planted(rows=120):
    """The errors of head `b` are three times as large on the rows of carrier UA."""
    rng = np.random.default_rng(0)
    carrier = np.array(["AA", "UA", "DL"], object)[rng.integers(0, 3, rows)]
    errors = {"a": rng.normal(size=rows), "b": rng.normal(size=rows) * np.where(carrier == "UA", 4, 1)}
    return with_columns(evaluation(errors, rows=rows), carrier=carrier, distance=rng.permutation(rows) * 1.5)


def test_the_planted_slice_comes_first_with_its_metrics_and_intervals():
    measured = planted()
    found = slices(measured, groupings(measured, ["distance", "carrier"], 4), 30)
    assert len(found) == 2 * (3 + 4)
    worst = found[0]
    assert (worst.name, worst.head, worst.worse) == ("carrier=UA", "b", True)
    positions = np.flatnonzero(np.array(measured.rows.columns["carrier"].values) == "UA")
    assert worst.rows == worst.labelled == len(positions)
    alone = measured.scores(positions).heads["b"]
    assert {word: one.value for word, one in worst.metrics.items()} == pytest.approx(alone)
    assert all(one.low < one.value < one.high for one in worst.metrics.values())
    assert worst.gap.loss == pytest.approx(alone["loss"])
    assert [one.worse for one in found].count(True) == 1
    assert findings(found)[0].startswith("head b is worse on carrier=UA: loss ")
    assert "corrected for 14 tests by Holm's method" in findings(found)[-1]
    assert slice_text(found).splitlines()[2].split()[:2] == ["carrier=UA", "b"]
    section = slice_section(found)
    assert section.tables["slices_b"].rows[0][0] == "carrier=UA"
    long = section.tables["slices"]
    assert {row[2] for row in long.rows} == {"a", "b"}
    assert len(long.rows) == sum(len(one.metrics) for one in found)
    assert set(section.figures) == {"slices"}


def test_only_the_first_of_many_worse_slices_have_a_sentence():
    rows = np.arange(600)
    errors = np.where(rows // 20 < 20, 2.0, 0.1) + np.random.default_rng(0).normal(size=600) * 0.01
    measured = with_columns(evaluation({"a": errors}, rows=600), group=rows // 20)
    found = slices(measured, [by_value("group", (rows // 20).astype(str).astype(object))], 0)
    named = [sentence for sentence in findings(found) if sentence.startswith("head a is worse on")]
    assert len(named) == 8
    assert sum(one.worse for one in found) == 20
    assert "12 more pairs of slice and head are worse, see the table" in findings(found)


def test_without_a_bad_slice_it_says_so():
    rng = np.random.default_rng(4)
    measured = evaluation({"a": rng.normal(size=60)}, rows=60)
    with_columns(measured, group=np.arange(60) % 3)
    found = slices(measured, groupings(measured, ["group"], 4), 0)
    assert findings(found)[0] == "no slice is worse than the other rows beyond chance"
    assert "–" not in slice_text(found)


def test_slices_with_too_few_labelled_rows_come_last_and_are_counted():
    measured = evaluation({"a": np.append(np.ones(20), NAN)}, rows=21)
    with_columns(measured, group=np.array(["x"] * 12 + ["y"] * 7 + ["z"] * 2, object))
    found = slices(measured, groupings(measured, ["group"], 4), 0)
    assert (found[-1].name, found[-1].rows, found[-1].labelled, found[-1].gap) == ("group=z", 2, 1, None)
    assert "1 pair of slice and head has too few labelled rows for a test" in findings(found)
    assert "too few rows" in slice_text(found)


@pytest.mark.parametrize(
    ("kind", "labels", "names", "groups"),
    [
        ("category", [0, 1, -1, 1], ["up", "down"], {"a": ["down", "up", "(missing)"]}),
        ("binary", [[0.0], [1.0], [NAN]], ["a"], {"a": ["no", "yes", "(missing)"]}),
        ("labels", [[0.0, 1], [1, 1], [1, 0]], ["x", "y"], {"a x": ["no", "yes"], "a y": ["no", "yes"]}),
        ("number", np.arange(40.0)[:, None], ["a"], {"a": ["0 … 19", "20 … 39"]}),
    ],
)
def test_the_labels_of_every_kind_of_head_divide_the_rows(kind, labels, names, groups):
    found = groupings(with_labels(kind, labels, names), ["a"], 2)
    assert {one.by: one.names for one in found} == groups


@pytest.mark.parametrize(
    ("values", "text", "names"),
    [
        (np.arange(30.0), None, ["0 … 14", "15 … 29"]),
        ([7, 8, 7], ["007", "008", "007"], ["007", "008"]),
        (np.array(["1", "2.5", *map(str, range(3, 31))], object), None, ["1 … 15", "16 … 30"]),
        (np.array([*map(str, range(29)), "x"], object), None, sorted([*map(str, range(29)), "x"])),
        ([True, False, True], None, ["false", "true"]),
    ],
    ids=["numbers", "codes as they are written", "numbers as text", "text", "booleans"],
)
def test_columns_are_divided_by_value_or_into_bins(values, text, names):
    measured = evaluation({"a": 1.0}, rows=len(values))
    measured.rows.columns = {"c": column(values, text)}
    (found,) = groupings(measured, ["c"], 2)
    assert found.names == names


DAYS = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")


@pytest.mark.parametrize("values", [DAYS, DAYS.astype(str).astype(object), np.append(DAYS.astype(str), "")])
def test_dates_are_divided_into_bins_like_numbers(values):
    (found,) = groupings(with_columns(evaluation({"a": 1.0}, rows=len(values)), day=values), ["day"], 2)
    assert found.names[:2] == ["2024-01-01 … 2024-01-16", "2024-01-17 … 2024-01-31"]
    assert found.names[2:] == ["(missing)"] * (len(values) - 31)
    assert np.bincount(found.codes)[:2].tolist() == [16, 15]


def test_times_of_the_day_are_divided_and_other_words_are_not():
    def names(values):
        measured = with_columns(evaluation({"a": 1.0}, rows=20), when=np.array(values, object))
        return groupings(measured, ["when"], 2)[0].names

    assert names([f"{hour}:30" for hour in range(20)]) == ["00:30:00 … 09:30:00", "10:30:00 … 19:30:00"]
    assert len(names([f"w{place}" for place in range(20)])) == 20
    assert len(names([*(f"2024-01-{day:02}" for day in range(1, 20)), "later"])) == 20


def test_slices_without_a_test_are_not_drawn():
    few = np.array(["x"] * 10 + ["y"] * 10 + ["z"] * 2, object)
    measured = with_columns(evaluation({"a": np.arange(22.0)}, rows=22), kind=few)
    section = slice_section(slices(measured, groupings(measured, ["kind"], 2), 0))
    axes = section.figures["slices"].figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["kind=y", "kind=x"]


def test_a_column_with_one_value_is_refused():
    measured = with_columns(evaluation({"a": 1.0}, rows=3), c=["x", "x", "x"])
    with pytest.raises(ConfigError, match=r"by: all 3 rows have the same value(.|\n)*c=x"):
        groupings(measured, ["c"], 5)
