"""One class per file format: which columns it has, and the values of one of them. Nothing else is read."""

import bz2
import csv
import gzip
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import pandas as pd

from pipeline.errors import ConfigError

UNREADABLE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, csv.Error)
COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = [".npz", ".npy", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".parquet"]


class Columns(Protocol):
    """What a source's file, or an object that stands for one, can do."""

    columns: list[str]

    def read(self, column: str) -> np.ndarray: ...


def open_file(path: Path, key: str, wanted: Collection[str]) -> Columns:
    """The file's columns, not yet read.

    Args:
        path: an existing file, or the folder of a saved Hugging Face data set.
        key: the config key to name in messages.
        wanted: the columns that will be asked for: a text file is parsed once, for these alone.

    Raises:
        ConfigError: an unknown format, an empty, truncated or unreadable file, columns of the same name.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    kind = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] in COMPRESSED else (suffixes or [""])[-1]
    if path.is_file() and path.stat().st_size == 0:
        raise ConfigError(key, f"{path} is empty", found="0 bytes")
    if kind == ".npz":
        return Npz(path, key)
    if kind == ".npy":
        return Npy(path, key)
    if kind in SEPARATORS:
        return Text(path, key, separator=SEPARATORS[kind], wanted=wanted)
    raise ConfigError(key, "unknown format", found=path.name, allowed=FORMATS)


@contextmanager
def reading(path: Path, key: str) -> Iterator[None]:
    """Whatever goes wrong while the file is read becomes one message that names it."""
    try:
        yield
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(
            key,
            f"{path} cannot be read: truncated, damaged or of another format than its name says",
            found=error,
        ) from error


class Npz:
    """Arrays by name. Arrays of Python objects are refused: reading them would run code of the file's."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key), np.load(path, allow_pickle=False) as archive:
            self.columns = list(archive.files)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key), np.load(self.path, allow_pickle=False) as archive:
            return archive[column]


class Npy:
    """One array, mapped from the disk: the source has one column, and its name is the source's."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key, self.columns = path, key, [""]
        with reading(path, key):
            self.array = np.load(path, mmap_mode="r", allow_pickle=False)

    def read(self, column: str) -> np.ndarray:
        return self.array


class Text:
    """A table as text, UTF-8, with a line of column names; .gz .bz2 .xz are unpacked on the way."""

    def __init__(self, path: Path, key: str, *, separator: str, wanted: Collection[str]) -> None:
        self.path, self.key, self.separator = path, key, separator
        self.wanted, self.frame = set(wanted), pd.DataFrame()
        with reading(path, key):
            self.columns = self._header()
        distinct(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        if column not in self.frame:
            with reading(self.path, self.key):
                self.frame = self._parse([name for name in self.columns if name in self.wanted | {column}])
        return array_of(self.frame[column])

    def _header(self) -> list[str]:
        with self._open() as file:
            try:
                line = file.readline().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise self._wrong_encoding() from error
        return next(csv.reader([line], delimiter=self.separator), [])

    def _open(self) -> IO[bytes]:
        opener = COMPRESSED.get(self.path.suffix.lower())
        return opener(self.path, "rb") if opener else self.path.open("rb")  # type: ignore[operator]

    def _parse(self, names: list[str]) -> pd.DataFrame:
        with warnings.catch_warnings():
            # A line with more cells than names would shift the columns with no more than a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                frame = pd.read_csv(
                    self.path,
                    sep=self.separator,
                    usecols=names,
                    index_col=False,
                    keep_default_na=False,
                    na_values=["", "NaN", "nan", "None"],
                    low_memory=False,
                    encoding="utf-8-sig",
                )
            except UnicodeDecodeError as error:
                raise self._wrong_encoding() from error
            except pd.errors.ParserWarning as error:
                raise ConfigError(self.key, f"{self.path} has lines with more cells than names") from error
        if len(frame) and frame.iloc[-1].isna().any():
            self._check_last_line(len(frame) - 1)
        return frame

    def _check_last_line(self, row: int) -> None:
        cells: list[str] = []
        with self._open() as file:
            for line in csv.reader((line.decode() for line in file), delimiter=self.separator):
                cells = line or cells
        if cells and len(cells) < len(self.columns):
            raise ConfigError(
                self.key,
                f"{self.path} ends in the middle of row {row} (rows count from 0): truncated?",
                found=f"{len(cells)} cells: {cells}",
                allowed=f"{len(self.columns)} cells",
            )

    def _wrong_encoding(self) -> ConfigError:
        with self._open() as file:
            for number, line in enumerate(file):
                for position, cell in enumerate(line.rstrip(b"\r\n").split(self.separator.encode())):
                    try:
                        cell.decode("utf-8")
                    except UnicodeDecodeError:
                        where = (
                            "the line of names" if number == 0 else f"row {number - 1} (rows count from 0)"
                        )
                        return ConfigError(
                            self.key,
                            f"{self.path} is not UTF-8: {where}, column {position} (from 0)",
                            found=cell,
                            allowed="UTF-8 text; save the file in that encoding",
                        )
        raise ConfigError(self.key, f"{self.path} is not UTF-8")


class Memory:
    """Arrays by name that a `_target_` gave, or a pandas DataFrame."""

    def __init__(self, arrays: Mapping[str, object], key: str) -> None:
        self.arrays = arrays
        self.columns = [str(name) for name in arrays]
        distinct(self.columns, "what the source's _target_ gives", key)

    def read(self, column: str) -> np.ndarray:
        values = self.arrays[column]
        return array_of(values) if isinstance(values, pd.Series) else np.asarray(values)


def array_of(series: pd.Series) -> np.ndarray:
    """A pandas column as numpy: strings and what may be empty as objects, numbers as they are."""
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.astype(object).where(series.notna(), None).to_numpy(dtype=object)


def distinct(columns: list[str], path: object, key: str) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ConfigError(key, f"{path} has several columns of the same name", found=", ".join(twice))
    if not columns:
        raise ConfigError(key, f"{path} has no columns")
