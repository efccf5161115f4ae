"""What tells the rows of a file apart depends on its values, and on nothing else."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.file_rows import FileRows, parsed_text
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.missing import MISSING_WORDS
from pipeline.data.sources import Sources
from tests.data.small_data import objects

FRAME = pd.DataFrame({"a": np.arange(12) / 4, "b": list("xyz") * 4})


def hashes(*frames: pd.DataFrame, join: str | None = None) -> np.ndarray:
    entries = {f"s{place}": frame for place, frame in enumerate(frames)}
    return FileRows(Sources(entries, whole=True, join=join), {}, 0, drawn=False).hashes


def test_every_row_has_its_own_hash_whatever_the_order_of_rows_and_columns() -> None:
    found = hashes(FRAME)
    assert len({*found.tolist()}) == 12
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(hashes(FRAME.iloc[order][["b", "a"]]), found[order])


def test_the_hash_depends_on_values_and_on_the_names_of_columns() -> None:
    found = hashes(FRAME)
    assert (hashes(FRAME.rename(columns={"a": "c"})) != found)[1:].all()  # the first row has a 0
    changed = FRAME.assign(a=FRAME.a.where(FRAME.index != 3, -1.0))
    assert np.flatnonzero(hashes(changed) != found).tolist() == [3]


def test_identical_rows_are_told_apart_by_the_next_source() -> None:
    same = pd.DataFrame({"a": [1.0, 1.0, 2.0]})
    alone, both = hashes(same), hashes(same, pd.DataFrame({"c": [5, 6, 6]}))
    assert alone[0] == alone[1]
    assert both[0] != both[1]
    assert both[2] == alone[2]


def test_the_rows_of_a_join_are_told_apart_by_their_keys_alone() -> None:
    keyed = FRAME.assign(id=np.arange(12))
    np.testing.assert_array_equal(
        hashes(keyed, keyed[["id"]], join="id"), hashes(keyed.assign(a=0.0), keyed[["id"]], join="id")
    )


def test_classes_are_those_of_the_first_source_if_rows_are_drawn() -> None:
    sources = {"s": FRAME, "t": FRAME.rename(columns={"b": "c"})}
    drawn = FileRows(Sources(sources, whole=True), {}, 0, drawn=True)
    assert [classes.column for classes in drawn.classes] == ["s.b"]
    assert FileRows(Sources(sources, whole=True), {}, 0, drawn=False).classes == []


@pytest.mark.parametrize(
    ("cells", "parsed"),
    [
        (objects("1", "2,5", "NA", None), np.array([1, 2.5, np.nan, np.nan])),
        (objects("1", "a", "NA", " "), objects("1", "a", None, None)),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0])),
    ],
)
def test_text_is_read_as_another_format_would_hold_it(cells: np.ndarray, parsed: np.ndarray) -> None:
    found = parsed_text(cells, MISSING_WORDS, NumberFormat(decimal=","))
    assert found.dtype.kind == parsed.dtype.kind
    pd.testing.assert_series_equal(pd.Series(found), pd.Series(parsed))
