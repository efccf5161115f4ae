"""What holds for all splits, joins and CSV files, tried on generated ones."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.missing import is_missing
from pipeline.data.quotas import Carried
from pipeline.data.sources import Sources
from pipeline.data.splits import cut

hypothesis = pytest.importorskip("hypothesis", reason="the environment is older than requirements.lock")
given, st = hypothesis.given, pytest.importorskip("hypothesis.strategies")
# The same examples in every run, and none is stored: a failure is seen by everybody.
few = hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
KEYS = st.text("abcäß 漢'\"", min_size=1, max_size=5).filter(lambda key: key == key.strip())
CELLS = st.text("abcäß漢,;'\"\n\t|", min_size=1, max_size=8).filter(lambda cell: cell == cell.strip())


@few
@given(
    st.lists(st.integers(5, 25), min_size=1, max_size=8),
    st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.34, 0.33, 0.33)]),
    st.randoms(use_true_random=False),
)
def test_rows_of_strata_are_in_splits_of_the_size_that_was_asked_for_in_any_order(
    rows_of: list[int], fractions: tuple[float, ...], random: Any
) -> None:
    strata = np.repeat(np.arange(len(rows_of)), rows_of)
    ranks = np.random.default_rng(len(strata)).permutation(len(strata))
    order = np.array(random.sample(range(len(strata)), len(strata)))
    found = split(strata, ranks, fractions)
    assert set(found) <= {0, 1, 2}
    sizes = np.bincount(found, minlength=3)
    assert np.abs(sizes - np.array(fractions) * len(strata)).max() <= 1
    np.testing.assert_array_equal(split(strata[order], ranks[order], fractions), found[order])


def split(strata: np.ndarray, ranks: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
    return cut(np.arange(len(strata)), ranks, strata, Carried(fractions))


@few
@given(st.lists(KEYS, min_size=1, unique=True), st.lists(KEYS, unique=True), st.data())
def test_a_join_finds_the_row_of_each_key_or_none(left: list[str], right: list[str], data: Any) -> None:
    right = [*right, data.draw(st.sampled_from(left))] if not set(left) & set(right) else right
    order = data.draw(st.permutations(list(dict.fromkeys(right))))
    values = dict(zip(order, range(len(order)), strict=True))
    sources = Sources(
        {"a": {"id": words(left)}, "b": {"id": words(order), "x": np.arange(len(order))}},
        join={"key": "id", "how": "left"},
    )
    due = [float(values.get(key, np.nan)) for key in left]
    np.testing.assert_array_equal(numbers(sources.column("b.x", "k")), due)


def words(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=object)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


@few
@given(st.lists(st.tuples(CELLS, st.floats(-3.4e38, 3.4e38)), min_size=1, max_size=20))
def test_cells_of_a_csv_file_are_read_as_they_were_written(
    folder: Path, rows: list[tuple[str, float]]
) -> None:
    path = folder / "rows.csv"
    frame = pd.DataFrame({"word": [word for word, _ in rows], "x": [x for _, x in rows]})
    frame.to_csv(path, index=False)
    sources = Sources({"s": str(path)})
    assert strings(sources.column("s.word", "k")).tolist() == frame["word"].tolist()
    np.testing.assert_array_equal(numbers(sources.column("s.x", "k")), frame["x"])


@few
@given(
    st.lists(st.lists(CELLS | st.just(""), min_size=3, max_size=3), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t"]),
)
def test_a_csv_file_with_any_separator_that_is_told_has_the_cells_of_its_rows(
    folder: Path, rows: list[list[str]], separator: str
) -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator).writerows([["a", "b", "c"], *rows])
    path = folder / "told.csv"
    path.write_bytes(stream.getvalue().encode())
    sources = Sources({"s": {"path": str(path), "separator": separator}})
    for place, name in enumerate("abc"):
        column = sources.column(f"s.{name}", "k")
        due = [row[place] for row in rows]
        assert is_missing(column.values).tolist() == [cell == "" for cell in due]
        assert strings(column).tolist() == due
