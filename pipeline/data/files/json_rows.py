"""JSON: files with an object in each line, with a list of objects, or with a list for each column.

Fields of objects inside objects are columns too, as in parquet files: `a.x` and `a.y`.
"""

import bz2
import gzip
import io
import json
import logging
import lzma
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipeline.data.files.file_errors import check_column_names, check_unpacked, reading
from pipeline.data.files.records import Records
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BLOCK = 1 << 22  # bytes that are read at a time
LINES = (".jsonl", ".ndjson")
JSON = (".json", *LINES)
SHOWN = 80  # characters of a line in a message
FORMS = (
    'an object in each line, {"a": 1, "b": "x"}; a list of objects; or an object with a list of the same '
    "length for each column"
)


class JsonRows:
    """A JSON file, as a table; .gz, .bz2 and .xz files are decompressed.

    Text stays text, and whole numbers of any size stay exact. Opening the file parses it as a whole.

    Args:
        needed: the columns that will be read; None: all.
    """

    def __init__(self, path: Path, key: str, *, needed: Collection[str] | None) -> None:
        self.path, self.key = path, key
        self.records = self._parse(needed)
        self.columns = self.records.columns
        check_column_names(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        if not self.records.keeps(column):
            self.records = self._parse({*(self.records.needed or ()), column})
        return self.records.column(column)

    def keep(self, columns: Collection[str]) -> None:
        """Frees the memory of all columns but these."""
        self.records.keep(columns)

    def _parse(self, needed: Collection[str] | None) -> Records:
        records = Records(needed)
        with reading(self.path, self.key):
            for row, line in numbered_rows(self.path, self.key):
                if isinstance(line, ValueError):
                    raise wrong_line(self.path, self.key, row, line)
                records.add(line)
            records.finish()
        return records


def wrong_line(path: Path, key: str, row: int, error: ValueError) -> ConfigError:
    """The error that a row of a file is no object."""
    return ConfigError(
        key, f"{path}, row {row} (counting from 0): no JSON object", found=error, allowed=FORMS
    )


def numbered_rows(path: Path, key: str) -> Iterator[tuple[int, dict[str, Any] | ValueError]]:
    """The rows of a file, with fields of fields as columns, or why a row is none.

    Raises:
        ConfigError: the file has none of the forms of `FORMS`, or unpacks to more than fits into the memory.
    """
    with _open(path) as file:
        head = file.read(BLOCK)
    encoding = json.detect_encoding(head)
    start = head.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    if _is_lines(path, start):
        yield from enumerate(_lines(path, key, encoding))
    else:
        for row, record in enumerate(_records(path, key)):
            yield row, _flat(record)


def _is_lines(path: Path, start: str) -> bool:
    """Whether a file has an object in each line: by its name, or because its first line is one of several."""
    if any(suffix.lower() in LINES for suffix in path.suffixes[-2:]):
        return True
    first, _, rest = start.partition("\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except ValueError:
        return False


def _open(path: Path) -> IO[bytes]:
    opener = OPENERS.get(path.suffix.lower(), open)
    file: IO[bytes] = opener(path, "rb")
    return file


def _lines(path: Path, key: str, encoding: str) -> Iterator[dict[str, Any] | ValueError]:
    size, checked = 0, BLOCK
    # An invalid byte is an error of its line only.
    with io.TextIOWrapper(_open(path), encoding, errors="surrogateescape", newline="\n") as file:
        for line in file:
            size += len(line)
            if size > checked:
                check_unpacked(size, path, key)
                checked = size + BLOCK
            if text := line.strip("\ufeff \t\r\n"):
                yield _object(text)


def _object(text: str) -> dict[str, Any] | ValueError:
    try:
        if not text.isascii():
            text.encode()
        value = DECODER.decode(text)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        if "\\ud" in text or "\\uD" in text:  # an emoji that was cut in two is no text
            json.dumps(value, ensure_ascii=False).encode()
        return _flat(value)
    except UnicodeEncodeError:
        return ValueError(f"not UTF-8: {text.encode(errors='surrogateescape')[:SHOWN]!r}")
    except ValueError as error:
        return ValueError(f"{error}: {text[:SHOWN]}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The fields of objects inside a row as its own; a list of objects is a list for each of their fields."""
    if not prefix and not any(isinstance(value, (dict, list)) for value in record.values()):
        return record
    pairs: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.").items()
        elif _are_objects(value):
            parts = [_flat(part, f"{prefix}{name}.") for part in value]
            fields = dict.fromkeys(field for part in parts for field in part)
            pairs += [(field, [part.get(field) for part in parts]) for field in fields]
        else:
            pairs.append((f"{prefix}{name}", value))
    return _unique(pairs)


def _records(path: Path, key: str) -> Iterable[dict[str, Any]]:
    """The rows of a file that is one JSON value."""
    content, size = [], 0
    with _open(path) as file:
        while part := file.read(BLOCK):
            size += len(part)
            check_unpacked(size, path, key)
            content.append(part)
    whole = b"".join(content)
    text = whole.decode(json.detect_encoding(whole)).lstrip("\ufeff")
    value = json.loads(text, object_pairs_hook=_unique)
    rows = _rows_of(value, path, key)
    if rows is None:
        raise ConfigError(key, f"{path} is no table", found=f"{text[:SHOWN]} …", allowed=FORMS)
    return rows


def _rows_of(value: Any, path: Path, key: str) -> Sequence[dict[str, Any]] | None:
    if _are_objects(value):
        return list(value)
    if not isinstance(value, dict) or not value:
        return None
    if {"columns", "data"} <= value.keys() and all(isinstance(row, list) for row in value["data"]):
        return [dict(zip(value["columns"], row, strict=True)) for row in value["data"]]  # pandas: split
    tables = [name for name, part in value.items() if _are_objects(part)]
    if len(tables) == 1:
        logger.warning("%s: the rows of %s are those of %r", key, path.name, tables[0])
        return list(value[tables[0]])
    columns = {name: _column(part) for name, part in value.items()}
    rows = next(iter(columns.values()))
    if rows is None or any(cells is None or cells.keys() != rows.keys() for cells in columns.values()):
        return None
    return [{name: cells[row] for name, cells in columns.items() if cells} for row in rows]


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)


def _column(part: Any) -> dict[Any, Any] | None:
    """A column by its rows: a list, or an object with the numbers of the rows, as pandas writes it."""
    if isinstance(part, list):
        return dict(enumerate(part))
    is_numbered = isinstance(part, dict) and part and all(name.isdigit() for name in part)
    return part if is_numbered else None
