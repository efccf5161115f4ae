"""Finds a quoted cell that is never closed: it would hold all other rows of its file, without a word."""

import csv
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pipeline.data.files.dialect import Dialect
from pipeline.errors import ConfigError

LONGEST_CELL = 1 << 30
END = "\0the end"  # a row after the last one; if it is in another cell, that one is not closed


def check_quotes(open_file: Callable[[], IO[bytes]], dialect: Dialect, path: Path, key: str) -> None:
    """Check that every quoted cell ends.

    All rows are read one by one, which is slow: it is for files with an odd number of quotes.

    Raises:
        ConfigError: the quotes of a cell are not closed until the end of the file.
    """
    if (row := _last_row(open_file, dialect)) is not None:
        raise ConfigError(
            key,
            f"{path}, row {row} (counting from 0): a cell begins with {dialect.quote} and is not closed "
            "until the end of the file",
            allowed=f"an even number of {dialect.quote} around and inside cells; without quotes around cells "
            'name a sign that occurs nowhere: {path: …, quote: "\\x01"}',
        )


def _last_row(open_file: Callable[[], IO[bytes]], dialect: Dialect) -> int | None:
    """The number of the row in which the file ends inside a cell; None if it does not."""
    limit = csv.field_size_limit(LONGEST_CELL)
    rows, last = -1, [END]
    try:
        with open_file() as file:
            text = io.TextIOWrapper(file, dialect.encoding, errors="replace", newline="")
            for _ in range(dialect.skipped):
                text.readline()
            for last in dialect.rows(itertools.chain(text, ["\n", END])):
                rows += bool(last) and last != [END]
    finally:
        csv.field_size_limit(limit)
    return None if last == [END] else rows - 1
