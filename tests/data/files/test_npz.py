"""An .npz file from a stranger unpacks to no more than it holds and than fits into the memory."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.files import file_errors
from pipeline.data.files.chunks import open_chunks
from pipeline.errors import ConfigError
from tests.data.small_data import read_column


def with_header(shape: tuple[int, ...], content: bytes, dtype: str = "<f8") -> bytes:
    """An .npy file whose header declares a shape, whatever its content."""
    stream = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(stream, header)
    return stream.getvalue() + content


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("shape", [(2**39,), (2**20, 2**19), (-4,), (5,), (2**70,)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_header_that_declares_other_bytes_than_there_are_is_refused(tmp_path, shape, chunked):
    archive(tmp_path / "s.npz", a=with_header(shape, bytes(32)))

    def read():
        if chunked:
            return list(open_chunks(tmp_path / "s.npz", "input").read(["a"], 10))
        return read_column("s.npz", "s.a", tmp_path)

    with pytest.raises(ConfigError, match=r"s\.npz cannot be read[^$]*a: the header declares"):
        read()


def test_an_npy_file_that_declares_four_tebibytes_is_refused(tmp_path):
    (tmp_path / "s.npy").write_bytes(with_header((2**39,), bytes(32)))
    with pytest.raises(ConfigError, match=r"s\.npy cannot be read"):
        read_column("s.npy", "s", tmp_path)


def test_an_archive_named_npy_is_refused(tmp_path):
    archive(tmp_path / "s.npy", a=with_header((4,), bytes(32)))
    with pytest.raises(ConfigError, match=r"s\.npy cannot be read"):
        read_column("s.npy", "s", tmp_path)


def test_an_array_that_fills_the_memory_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "s.npz", a=np.zeros(2**20))
    assert read_column("s.npz", "s.a", tmp_path).values.shape == (2**20,)
    monkeypatch.setattr(file_errors, "available", lambda: 2**22)
    with pytest.raises(ConfigError, match="unpacks to more than the memory that is free"):
        read_column("s.npz", "s.a", tmp_path)


def test_overlapping_members_that_unpack_to_more_than_they_can_are_refused(tmp_path):
    path = tmp_path / "s.npz"
    archive(path, a=with_header((2**17,), bytes(2**20)))
    with zipfile.ZipFile(path, "a") as file:
        (member,) = file.infolist()
        # Other names in the directory for the same bytes, as zip bombs have them.
        for number in range(200):
            again = zipfile.ZipInfo(f"b{number}.npy")
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(again, field, getattr(member, field))
            file.filelist.append(again)
            file.NameToInfo[again.filename] = again
        file._didModify = True
    with pytest.raises(ConfigError, match="it claims to unpack to"):
        read_column("s.npz", "s.a", tmp_path)


@pytest.mark.parametrize("dtype", ["<f4", ">i2", "<U3", "<M8[s]", "|b1", "|S0"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_type_and_order_are_what_they_were(tmp_path, dtype, order):
    values = np.asarray(np.arange(6).reshape(3, 2).astype(dtype), order=order)
    np.savez(tmp_path / "s.npz", a=values, b=np.int64(3))
    read = read_column("s.npz", "s.a", tmp_path).values
    np.testing.assert_array_equal(read, values)
    assert read.dtype == values.dtype
