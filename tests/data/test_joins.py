"""Rows of several sources are matched by a key; what a source lacks is missing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.missing import is_missing
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


def test_a_join_matches_rows_by_key_in_any_order_and_of_any_type() -> None:
    sources = Sources(
        {
            "a": {"id": np.array([3, 1, 2]), "x": np.array([30, 10, 20])},
            "b": {"id": np.array(["1", "2", "3"]), "y": np.array([100, 200, np.inf])},
        },
        join="id",
    )
    column = sources.column("b.y", "k")
    assert column.values.tolist() == [np.inf, 100, 200]
    assert sources.column("a.x", "k").values.tolist() == [30, 10, 20]
    with pytest.raises(ConfigError, match="source b, row 2"):
        numbers(column)


@pytest.mark.parametrize(
    ("left", "right", "problem", "found"),
    [
        (["a", "b"], ["a", "c"], "in source b but not in source a", "c"),
        (["a", "b", "c"], ["a", "b"], "in source a but not in source b", "c"),
        (["a", "b", "b"], ["a", "b"], "keys that occur more than once: 1", "b"),
        (["a", "", "b"], ["a", "b"], "the row has no key", "''"),
    ],
)
def test_a_missing_or_repeated_key_is_shown(
    left: list[str], right: list[str], problem: str, found: str
) -> None:
    exact = {"key": "id", "how": "exact"}
    with pytest.raises(ConfigError) as caught:
        Sources({"a": {"id": np.array(left)}, "b": {"id": np.array(right)}}, join=exact)
    assert caught.value.key == "data.join"
    assert problem in caught.value.problem
    assert found in str(caught.value.found)


@pytest.mark.parametrize(
    ("right", "hint"),
    [
        (["007", "012"], "leading zeros: '7' and '007'"),
        (["7 ", "12 "], "blanks"),
        (["x", "y"], "the same keys in both$"),
    ],
)
def test_sources_without_a_common_key_are_refused_with_the_difference(right: list[str], hint: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)no value of 'id' in source a is in source b.*{hint}"):
        Sources({"a": {"id": np.array([7, 12])}, "b": {"id": np.array(right)}}, join="id")


def test_keys_of_which_only_some_differ_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Sources({"a": {"id": np.array(["7", "12"])}, "b": {"id": np.array(["007", "12"])}}, join="id")
    assert "they differ by leading zeros: '7' and '007'" in caplog.messages[0]


@pytest.mark.parametrize("how", ["left", "inner"])
def test_rows_of_another_source_without_a_key_are_left_out_and_counted(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    b = {"id": np.array(["", "b", "", "a"]), "x": np.arange(4)}
    sources = Sources({"a": {"id": np.array(["a", "b"])}, "b": b}, join={"key": "id", "how": how})
    assert sources.column("b.x", "k").values.tolist() == [3, 1]
    assert "data.join: 2 rows of b have no id and are left out" in caplog.messages
    with pytest.raises(ConfigError, match="the row has no key"):
        Sources({"b": b, "a": {"id": np.array(["a", "b"])}}, join={"key": "id", "how": how})


def joined(how: str, *, folder: Path | None = None) -> Sources:
    """Source `a` has the keys 1 to 4, source `b` 3, 5 and 1 in this order, with columns of every type."""
    b = {
        "id": np.array([3, 5, 1]),
        "whole": np.array([2**53 + 1, 7, 8]),
        "number": np.array([0.3, 0.5, 0.1]),
        "word": np.array(["c", "e", "a"], dtype=object),
        "day": np.array(["2024-03-03", "2024-03-05", "2024-03-01"], dtype="datetime64[D]"),
        "image": np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2),
    }
    join = {"key": "id", "how": how}
    if folder is None:
        return Sources({"a": {"id": np.arange(1, 5)}, "b": b}, join=join)
    table = {name: values for name, values in b.items() if name != "image"}
    pq.write_table(pa.table(table), folder / "b.parquet")
    sources = {"a": {"id": np.arange(1, 5)}, "b": str(folder / "b.parquet")}
    return Sources(sources, join=join, in_memory=False)


def test_rows_of_the_first_source_stay_and_what_another_lacks_is_missing_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sources = joined("left")
    assert sources.rows == 4
    np.testing.assert_array_equal(numbers(sources.column("b.number", "k")), [0.1, np.nan, 0.3, np.nan])
    assert strings(sources.column("b.whole", "k")).tolist() == ["8", "", str(2**53 + 1), ""]
    assert strings(sources.column("b.word", "k")).tolist() == ["a", "", "c", ""]
    assert is_missing(sources.column("b.day", "k").values).tolist() == [False, True, False, True]
    image = sources.column("b.image", "k").values
    np.testing.assert_array_equal(image[2], [[0, 1], [2, 3]])
    assert np.isnan(image[[1, 3]]).all()
    assert caplog.messages == [
        "data.join: 2 of 4 rows of a are not in b, so their cells of b are missing; "
        "1 rows of b have other keys and are left out"
    ]


def test_an_inner_join_keeps_the_rows_that_every_source_has(caplog: pytest.LogCaptureFixture) -> None:
    sources = joined("inner")
    assert strings(sources.column("b.word", "k")).tolist() == ["a", "c"]
    assert sources.column("a.id", "k").values.tolist() == [1, 3]
    assert caplog.messages == ["data.join: 2 of 4 rows of a are in every source"]
    with pytest.raises(ConfigError, match="no key is in every source"):
        Sources({"a": {"id": np.arange(2)}, "b": {"id": np.arange(5, 7)}}, join={"key": "id", "how": "inner"})


@pytest.mark.parametrize("how", ["left", "inner"])
def test_columns_on_disk_are_joined_like_those_in_memory(how: str, tmp_path: Path) -> None:
    memory, disk = joined(how), joined(how, folder=tmp_path)
    for column in ("number", "word", "whole"):
        one, other = (strings(sources.column(f"b.{column}", "k")).tolist() for sources in (memory, disk))
        assert one == other
    assert memory.part("b.word", "k", np.array([0])).values.tolist() == ["a"]
    assert disk.part("b.word", "k", np.array([0])).values.tolist() == ["a"]
