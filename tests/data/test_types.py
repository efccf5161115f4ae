"""Columns of every type mean the same in parquet files, saved data sets, data frames and chunks."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.columns import Column, RowError, numbers, strings
from pipeline.data.files.chunks import open_chunks
from pipeline.data.sources import Sources
from pipeline.data.times import form_of, read_times

NAN = np.nan
LARGE = 10**17
HOURS = [dt.timedelta(hours=1), dt.timedelta(days=1, hours=2), None]
MOMENTS = [dt.datetime(2024, 5, 3), dt.datetime(2024, 5, 3, 14, 5), None]
SECONDS = [1714694400.0, 1714745100.0, NAN]
# Name -> cells, their words, and their numbers or seconds; None: they are no numbers.
TYPES: dict[str, tuple[pa.Array, list[str], list[float] | None]] = {
    "whole numbers": (pa.array([1, 2, None]), ["1", "2", ""], [1, 2, NAN]),
    "large numbers": (
        pa.array([LARGE + 1, LARGE + 2, None]),
        [str(LARGE + 1), str(LARGE + 2), ""],
        [LARGE, LARGE, NAN],
    ),
    "without gaps": (
        pa.array([LARGE + 1, LARGE + 2, 3]),
        [str(LARGE + 1), str(LARGE + 2), "3"],
        [LARGE, LARGE, 3],
    ),
    "bytes": (pa.array([1, 255, None], pa.uint8()), ["1", "255", ""], [1, 255, NAN]),
    "half precision": (pa.array(np.float16([1, 2.5, 3])), ["1", "2.5", "3"], [1, 2.5, 3]),
    "booleans": (pa.array([True, False, None]), ["true", "false", ""], [1, 0, NAN]),
    "words": (pa.array(["a", "b", None]), ["a", "b", ""], None),
    "categories": (pa.array(["a", "b", None]).dictionary_encode(), ["a", "b", ""], None),
    "numeric categories": (
        pa.array([LARGE + 1, LARGE + 2, None]).dictionary_encode(),
        [str(LARGE + 1), str(LARGE + 2), ""],
        [LARGE, LARGE, NAN],
    ),
    "decimals": (pa.array([Decimal("1.50"), Decimal("2.00"), None]), ["1.50", "2", ""], [1.5, 2, NAN]),
    "durations": (
        pa.array(HOURS, pa.duration("ms")),
        ["0 days 01:00:00", "1 days 02:00:00", ""],
        [3600, 93600, NAN],
    ),
    "timestamps": (
        pa.array(MOMENTS, pa.timestamp("ns")),
        ["2024-05-03", "2024-05-03 14:05:00", ""],
        SECONDS,
    ),
    "zones": (
        pa.array(
            [one and one.replace(tzinfo=dt.UTC) for one in MOMENTS], pa.timestamp("us", tz="Asia/Tokyo")
        ),
        ["2024-05-03", "2024-05-03 14:05:00", ""],
        SECONDS,
    ),
    "dates": (
        pa.array([dt.date(2024, 5, 3), dt.date(9999, 12, 31), None]),
        ["2024-05-03", "9999-12-31", ""],
        [1714694400.0, 253402214400.0, NAN],
    ),
    "times": (pa.array([dt.time(1), dt.time(2, 3), None]), ["01:00:00", "02:03:00", ""], [3600, 7380, NAN]),
}
TIMES = ("durations", "timestamps", "zones", "dates", "times")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parquet file of two row groups, and a data set as Hugging Face `datasets` saves it."""
    path = tmp_path_factory.mktemp("types")
    table = pa.table({name: cells for name, (cells, _, _) in TYPES.items()})
    pq.write_table(table, path / "t.parquet", row_group_size=2)
    (path / "saved").mkdir()
    with (path / "saved" / "data.arrow").open("wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    (path / "saved" / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    return path


def column_of(folder: Path, way: str, name: str) -> Column:
    reference, key = f"s.{name}", "data.inputs.x.column"
    if way == "chunk":
        chunks = open_chunks(folder / "t.parquet", "input").read([name], 10)
        cells = np.concatenate([chunk.columns[name] for chunk in chunks])
        return Column(reference, key, cells, lambda row: f"row {row}")
    entry: Any = {
        "disk": "t.parquet",
        "saved": "saved",
        "frame": pq.read_table(folder / "t.parquet").to_pandas(types_mapper=pd.ArrowDtype),
    }.get(way, "t.parquet")
    sources = Sources({"s": entry}, folders=[folder], references=[reference], in_memory=way != "disk")
    return sources.column(reference, key)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("way", ["memory", "disk", "saved", "frame", "chunk"])
def test_cells_are_the_same_words_numbers_and_times_in_every_format(
    folder: Path, way: str, name: str
) -> None:
    _, words, values = TYPES[name]
    column = column_of(folder, way, name)
    assert strings(column).tolist() == words
    if name in TIMES:
        np.testing.assert_array_equal(read_times(column, form_of(column)), np.array(values))
    if values is not None and name in ("durations", *(set(TYPES) - set(TIMES))):
        np.testing.assert_array_equal(numbers(column), np.array(values))
    elif name != "times":
        with pytest.raises(RowError):
            numbers(column)


def test_columns_of_pandas_own_types_are_read_alike() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([LARGE + 1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "word": pd.array(["a", None], dtype="string"),
            "class": pd.Categorical([LARGE + 1, None]),
            "zone": pd.to_datetime(["2024-05-03 09:00", None]).tz_localize("Asia/Tokyo"),
            "month": pd.PeriodIndex(["2024-05", None], freq="M"),
        }
    )
    sources = Sources({"s": frame})
    found = {name: strings(sources.column(f"s.{name}", "k")).tolist() for name in frame}
    large = [str(LARGE + 1), ""]
    assert found == {
        "whole": large,
        "flag": ["true", ""],
        "word": ["a", ""],
        "class": large,
        "zone": ["2024-05-03", ""],
        "month": ["2024-05-01", ""],
    }


def test_a_date_among_numbers_is_sent_to_the_option_for_dates(folder: Path) -> None:
    with pytest.raises(RowError, match=r"a date instead of a number(.|\n)*`dates: \[…\]` of a table"):
        numbers(column_of(folder, "memory", "dates"))
