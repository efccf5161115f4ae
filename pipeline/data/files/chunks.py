"""Files read a chunk of rows at a time, in bounded memory: rows to predict, which may be millions.

A row that cannot be read keeps its place, all its cells missing, so that rows and answers stay aligned.
"""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.files import FORMATS, SEPARATORS
from pipeline.data.files.checked import distinct, reading
from pipeline.data.files.delimited import COMPRESSED
from pipeline.data.files.delimited_chunks import Chunk, DelimitedChunks
from pipeline.errors import ConfigError

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
FILE = "file"  # the one column of a folder of pictures


class Chunks(Protocol):
    """A file, or what stands for one: which columns it has, and its rows in chunks."""

    columns: list[str]

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]: ...


def open_chunks(path: Path, key: str) -> Chunks:
    """A file that is read in chunks, or a folder of pictures.

    Args:
        path: .csv, .tsv (also compressed), .parquet, .npz, .npy, or a folder of picture files.
        key: the config key to name in messages.

    Raises:
        ConfigError: another format, an empty or unreadable file, a folder without pictures.
    """
    if path.is_dir():
        return Folder(path, key)
    if path.stat().st_size == 0:
        raise ConfigError(key, f"{path} is empty", found="0 bytes")
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]] or [""]
    kind = suffixes[0] if suffixes[-1] in COMPRESSED else suffixes[-1]
    if kind in SEPARATORS:
        return DelimitedChunks(path, key, separator=SEPARATORS[kind])
    formats: dict[str, Any] = {".parquet": ParquetChunks, ".npz": NpzChunks, ".npy": NpyChunks}
    if kind not in formats:
        raise ConfigError(key, "unknown format", found=path.name, allowed=[*FORMATS, "a folder of pictures"])
    return formats[kind](path, key)


class Folder:
    """The pictures of a folder and of those below it, sorted by name; a row is a file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.columns = path, [FILE]
        self.files = sorted(file for file in path.rglob("*") if file.suffix.lower() in PICTURES)
        if not self.files:
            raise ConfigError(key, f"no picture in folder {path}", allowed=sorted(PICTURES))

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        names = np.array([str(file.relative_to(self.path)) for file in self.files], dtype=object)
        for first in range(0, len(names), rows):
            some = names[first : first + rows]
            yield Chunk({FILE: some}, (first + len(some)) / len(names))


class ParquetChunks:
    """One parquet file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key):
            self.columns = pq.read_schema(path).names
        distinct(self.columns, path, key)

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        with reading(self.path, self.key), pq.ParquetFile(self.path) as file:
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(rows, columns=list(wanted)):
                done += len(batch)
                arrays = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in wanted}
                yield Chunk(arrays, done / total)


class NpyChunks:
    """One array, mapped from the disk."""

    def __init__(self, path: Path, key: str) -> None:
        self.columns = [""]
        with reading(path, key):
            self.array = np.load(path, mmap_mode="r", allow_pickle=False)

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        for first in range(0, len(self.array), rows):
            some = np.array(self.array[first : first + rows])
            yield Chunk({"": some}, (first + len(some)) / len(self.array))


class NpzChunks:
    """Arrays by name, unpacked as they are read: numpy itself would unpack each whole."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key), zipfile.ZipFile(path) as archive:
            self.columns = [name.removesuffix(".npy") for name in archive.namelist()]

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        with reading(self.path, self.key), zipfile.ZipFile(self.path) as archive:
            members = {name: Member(archive.open(f"{name}.npy")) for name in wanted}
            lengths = {name: member.shape[0] for name, member in members.items()}
            if len(set(lengths.values())) > 1:
                raise ConfigError(self.key, f"arrays of {self.path} differ in length", found=lengths)
            total = next(iter(lengths.values()))
            for first in range(0, total, rows):
                count = min(rows, total - first)
                arrays = {name: member.take(count) for name, member in members.items()}
                yield Chunk(arrays, (first + count) / total)


class Member:
    """One array of an .npz file, read from its start."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        version = np.lib.format.read_magic(stream)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        self.shape, fortran, self.dtype = header(stream)
        if self.dtype.hasobject:
            raise ValueError("an array of Python objects; reading it would run code of the file's")
        if not self.shape:
            raise ValueError("one value where a column is due")
        self.whole = self._whole() if fortran and len(self.shape) > 1 else None
        self.taken = 0

    def take(self, rows: int) -> np.ndarray:
        """The next rows, (rows, ...)."""
        self.taken += rows
        if self.whole is not None:
            return np.ascontiguousarray(self.whole[self.taken - rows : self.taken])
        return self._cells((rows, *self.shape[1:]))

    def _whole(self) -> np.ndarray:
        # Column after column: its first rows are spread over the whole file.
        return self._cells(self.shape[::-1]).T

    def _cells(self, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape)) * self.dtype.itemsize
        data = self.stream.read(size)
        if len(data) < size:
            raise EOFError("an array ends before its last row")
        return np.frombuffer(data, self.dtype).reshape(shape)
