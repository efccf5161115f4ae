"""Errors in files, each reported as one message that names the file."""

import csv
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

import pyarrow as pa

from pipeline.data.files.memory import available
from pipeline.errors import ConfigError

# KeyError: JSON files without an expected key. TokenError: NumPy, for a broken header.
# ArrowException: pyarrow, for texts that are not UTF-8. Its other errors are Python's.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    SyntaxError,
    TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    csv.Error,
    MemoryError,
    OverflowError,
    RecursionError,
    pa.ArrowException,
    NotImplementedError,  # a compression of a .zip file
)


OBJECT_ARRAYS = ("allow_pickle", "Python objects")  # words of the errors of NumPy, and of `NpzMember`


@contextmanager
def reading(path: Path, key: str) -> Iterator[None]:
    """Turns any error that occurs while the file is read into a ConfigError that names the file."""
    try:
        yield
    except ConfigError:
        raise
    except UNREADABLE as error:
        if any(words in str(error) for words in OBJECT_ARRAYS):
            raise ConfigError(
                key,
                f"{path} holds an array of Python objects, which is not read because it can run any code",
                found=error,
                allowed="numbers, or texts saved with `array.astype(str)`; lists of different lengths, and "
                "texts of which some are missing, as columns of a .parquet file",
            ) from error
        raise ConfigError(
            key,
            f"{path} cannot be read: it is truncated, damaged or not in the format that its name suggests",
            found=error,
        ) from error


# The first bytes of files that are sometimes named .csv: what they are, and what they should be called.
FIRST_BYTES = {
    b"\x1f\x8b": ("compressed", ".csv.gz"),
    b"PK\x03\x04": ("an Excel workbook, or another .zip file", ".xlsx"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "a text table; save the sheet as .csv or .xlsx"),
    b"PAR1": ("a parquet file", ".parquet"),
    b"ARROW1": ("an Arrow file", ".feather"),
    b"\x93NUMPY": ("a NumPy array", ".npy"),
    b"[{": ("JSON", ".json"),
    b'{"': ("JSON", ".jsonl"),
    **dict.fromkeys(
        (b"<html", b"<!doctype", b"<?xml", b"<table"), ("a page or XML", "a text table, saved as .csv")
    ),
}


def check_is_table(head: bytes, path: Path, key: str) -> None:
    """Checks that a file is no other format under the name of a text table.

    Raises:
        ConfigError: its first bytes are those of another format.
    """
    start = head.lstrip(b"\xef\xbb\xbf \r\n")
    for first, (what, name) in FIRST_BYTES.items():
        if start[: len(first)].lower() == first.lower():
            allowed = f"a name that ends with {name}" if name.startswith(".") else name
            raise ConfigError(key, f"{path} is no text table but {what}", found=path.name, allowed=allowed)


def check_not_empty(path: Path, key: str) -> None:
    if path.stat().st_size == 0:
        raise ConfigError(key, f"{path} is empty", found="0 bytes")


def check_unpacked(size: int, path: Path, key: str) -> None:
    """Checks that what a file unpacks to fits into the memory; a small file may unpack to terabytes.

    Raises:
        ConfigError: it does not.
    """
    limit = available()
    if size > limit:
        raise ConfigError(
            key,
            f"{path} unpacks to more than the memory that is free",
            found=f"{size / 2**30:,.1f} GiB or more from a file of {path.stat().st_size / 2**20:,.1f} MiB",
            allowed=f"up to {limit / 2**30:,.1f} GiB",
        )


def check_column_names(names: list[str], path: object, key: str) -> None:
    """Raises a ConfigError if there are no columns or two have the same name."""
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ConfigError(
            key,
            f"{path} has several columns of the same name",
            found=", ".join(duplicates),
            allowed="each name once",
        )
    if not names:
        raise ConfigError(key, f"{path} has no columns")
