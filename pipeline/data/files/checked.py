"""Reading files so that whatever is wrong with one is one message that names it."""

import csv
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

from pipeline.errors import ConfigError

# KeyError: json files that lack what they should hold. TokenError: what numpy raises at a broken header.
# Those of pyarrow are ValueErrors and OSErrors.
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
)


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


def distinct(columns: list[str], path: object, key: str) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ConfigError(key, f"{path} has several columns of the same name", found=", ".join(twice))
    if not columns:
        raise ConfigError(key, f"{path} has no columns")
