"""How files are read, one class per format. Each class lists its file's columns and reads one at a time.

arrays: .npz and .npy files, and arrays or data frames in memory.
npz: the arrays of .npz files, with a limit on what they unpack to.
arrow: .parquet and .feather files, and saved Hugging Face data sets.
delimited: .csv and .tsv files.
json_rows: .json and .jsonl files.
workbook: the sheets of .xlsx files.
records: rows of Python values as typed columns.
dialect: their separator, signs of numbers and lines before the header.
encodings: their encoding.
amounts: numbers with units and in brackets.
stored: columns that stay on disk, of which only the requested rows are read.
lazy: the rows of one input in one split, read and prepared when they are requested.
chunks: files read in chunks of rows, for predictions.
delimited_chunks: .csv and .tsv files read in chunks of rows.
file_errors: errors in files, each reported as one message that names the file.
memory: how much memory is available.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.data.files.arrays import Npy, Npz
from pipeline.data.files.arrow import ARROW, Feather, Parquet, SavedDataset
from pipeline.data.files.delimited import COMPRESSED, Delimited
from pipeline.data.files.file_errors import check_not_empty
from pipeline.data.files.json_rows import JSON, JsonRows
from pipeline.data.files.workbook import Sheet
from pipeline.data_options import WORKBOOKS
from pipeline.errors import ConfigError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": ","}
FORMATS = [
    *(".npz", ".npy", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".parquet"),
    *(".feather", ".arrow", ".json", ".jsonl", ".ndjson", ".jsonl.gz", ".xlsx", ".xlsm"),
]
# Formats that other programs turn into one of these.
SAVED_AS = {
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), "save the sheet as .xlsx or .csv"),
    **dict.fromkeys(
        (".sav", ".dta", ".sas7bdat", ".rds", ".rdata", ".h5", ".hdf5"), "save the table as .parquet"
    ),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib"), "reading it could run any code; save the table as .parquet"
    ),
    ".mat": "save the arrays as .npz",
    ".zip": "unpack it first",
}


class Columns(Protocol):
    """The columns of one file, or of arrays in memory."""

    columns: list[str]

    def read(self, column: str) -> np.ndarray: ...


def open_file(
    path: Path, key: str, needed: Collection[str] | None, options: Mapping[str, str] | None = None
) -> Columns:
    """Opens a file for reading by column; no column is read yet.

    Args:
        path: an existing file, or the folder of a saved Hugging Face data set.
        key: the config key to name in messages.
        needed: the columns that will be read: a text file is parsed once, for these columns only. None: all.
        options: how a text file is written, see `pipeline.data.files.dialect`; or the `sheet` of a workbook.

    Raises:
        ConfigError: the format is unknown, the file is empty, truncated or unreadable, or two columns have
            the same name.
    """
    if path.is_dir():
        return SavedDataset(path, key)
    check_not_empty(path, key)
    suffix = format_suffix(path)
    if suffix == ".parquet":
        return Parquet(path, key)
    if suffix in ARROW:
        return Feather(path, key)
    if suffix == ".npz":
        return Npz(path, key)
    if suffix == ".npy":
        return Npy(path, key)
    if suffix in JSON:
        return JsonRows(path, key, needed=needed)
    if suffix in SEPARATORS:
        return Delimited(path, key, separator=SEPARATORS[suffix], needed=needed, options=options)
    if suffix in WORKBOOKS:
        return Sheet(path, key, needed=needed, sheet=(options or {}).get("sheet"))
    raise unknown_format(path, key, FORMATS)


def unknown_format(path: Path, key: str, allowed: Sequence[str]) -> ConfigError:
    """The error that a file has none of the formats that are read."""
    advice = SAVED_AS.get(path.suffix.lower())
    problem = f"unknown file format; {advice}" if advice else "unknown file format"
    return ConfigError(key, problem, found=path.name, allowed=allowed)


def format_suffix(path: Path) -> str:
    """The suffix that tells the format, without that of a compression: `.csv` for `a.csv.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if len(suffixes) > 1 and suffixes[-1] in COMPRESSED:
        return suffixes[0]
    return suffixes[-1] if suffixes else ""
