"""The arrays of an .npz file, a .zip file of .npy files.

NumPy would allocate what the header of an array declares, and unpack whatever the archive holds.
"""

import math
import zipfile
from pathlib import Path

import numpy as np

from pipeline.data.files.file_errors import check_column_names, check_unpacked, reading

MOST_UNPACKED = 1100  # bytes from one byte; deflate, the compression of NumPy, reaches 1032
SUFFIX = ".npy"
BLOCK = 1 << 22  # bytes that are unpacked at a time


def npz_columns(path: Path, key: str) -> list[str]:
    """The names of the arrays.

    Raises:
        ConfigError: the file is damaged, unpacks to more than its compression can reach, or has a name twice.
    """
    with reading(path, key), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        check_claim(archive, path)
    files = [member.filename for member in members if member.filename.endswith(SUFFIX)]
    names = [name.removesuffix(SUFFIX) for name in files]
    check_column_names(names, path, key)
    return names


def check_claim(archive: zipfile.ZipFile, path: Path) -> int:
    """The bytes to which an archive claims to unpack.

    Raises:
        ValueError: its compression cannot reach so many.
    """
    unpacked, size = sum(member.file_size for member in archive.infolist()), path.stat().st_size
    if unpacked > MOST_UNPACKED * size:
        raise ValueError(f"it claims to unpack to {unpacked:,} bytes, from {size:,}")
    return unpacked


def read_npz(path: Path, key: str) -> dict[str, np.ndarray]:
    """All arrays by name."""
    names = npz_columns(path, key)
    with reading(path, key), zipfile.ZipFile(path) as archive:
        return {name: NpzMember(archive, name, path, key).whole() for name in names}


class NpzMember:
    """One array of an open .npz file, unpacked from its start.

    Raises:
        ValueError: an array of objects, or a header that does not fit the contents.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.stream = archive.open(f"{name}{SUFFIX}")
        try:
            self._read_header(name, archive.getinfo(f"{name}{SUFFIX}").file_size)
        except Exception:
            self.stream.close()  # the archive's file stays open as long as its members
            raise

    def _read_header(self, name: str, size: int) -> None:
        version = np.lib.format.read_magic(self.stream)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        self.shape, fortran_order, self.dtype = read_header(self.stream)
        self._check(name, size - self.stream.tell())
        self.position = 0
        # In Fortran order the first rows are spread over the whole file.
        self.array = self._cells(self.shape[::-1]).T if fortran_order and len(self.shape) > 1 else None

    def _check(self, name: str, stored: int) -> None:
        if self.dtype.hasobject:
            raise ValueError(f"{name}: an array of Python objects; reading it would run the file's code")
        declared = math.prod(self.shape) * self.dtype.itemsize
        if min(self.shape, default=0) < 0 or declared != stored:
            raise ValueError(f"{name}: the header declares {declared:,} bytes, but there are {stored:,}")

    def whole(self) -> np.ndarray:
        """All rows; or the single value, without an axis, which is no column."""
        return self.take(self.shape[0]) if self.shape else self._cells(())

    def take(self, rows: int) -> np.ndarray:
        """The next rows, (rows, ...)."""
        start, self.position = self.position, self.position + rows
        if self.array is not None:
            return np.ascontiguousarray(self.array[start : self.position])
        return self._cells((rows, *self.shape[1:]))

    def _cells(self, shape: tuple[int, ...]) -> np.ndarray:
        size = math.prod(shape) * self.dtype.itemsize
        check_unpacked(size, self.path, self.key)
        content = np.empty(size, np.uint8)
        view, read = content.data, 0
        while read < size:
            part = self.stream.read(min(BLOCK, size - read))
            if not part:
                raise EOFError("the array ends before its last row")
            view[read : read + len(part)] = part
            read += len(part)
        return content.view(self.dtype).reshape(shape) if size else np.empty(shape, self.dtype)
