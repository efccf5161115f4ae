"""Tables as text: .csv and .tsv, also compressed."""

import bz2
import csv
import gzip
import lzma
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from pipeline.data.checked import distinct, reading
from pipeline.errors import ConfigError

COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class Delimited:
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


def array_of(series: pd.Series) -> np.ndarray:
    """A pandas column as numpy: strings and what may be empty as objects, numbers as they are."""
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.astype(object).where(series.notna(), None).to_numpy(dtype=object)
