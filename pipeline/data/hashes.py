"""Hashes of rows: the same on every machine, and a fingerprint of a whole split."""

import hashlib
from collections.abc import Sequence

import numpy as np

from pipeline.data.columns import is_missing, text_of
from pipeline.data.files.stored import BLOCK_BYTES, LazyArray, blocks, row_bytes

CHUNK = 16_384  # rows that are hashed at a time; fewer where rows are long
SHORT = 64  # bytes of a cell whose hash is remembered, because short cells are often repeated


def fingerprint(contents: np.ndarray, codes: np.ndarray) -> str:
    """sha256 of each row's hash and split, sorted by hash, so that the order of the rows does not matter.

    Args:
        contents: (rows,) hash of each row.
        codes: (rows,) its split.
    """
    order = np.lexsort((codes, contents))
    digest = hashlib.sha256(contents[order].tobytes())
    digest.update(codes[order].astype(np.uint8).tobytes())
    return digest.hexdigest()


def row_hashes(columns: Sequence[np.ndarray | LazyArray], *, seed: int = 0) -> np.ndarray:
    """A hash of each row's values in all columns (BLAKE2b, 8 bytes), the same on every machine.

    Args:
        columns: arrays (rows, ...) of numbers, strings or objects, or columns indexed like arrays.
        seed: other seeds give other hashes.

    Returns:
        (rows,) uint64.
    """
    parts = [values if values.dtype.kind in "fiubmM" else _cell_hashes(values) for values in columns]
    salt = int(seed).to_bytes(16, "little", signed=True)
    digests: list[bytes] = []
    rows, width = len(parts[0]), sum(row_bytes(values) for values in parts)
    step = max(1, min(CHUNK, BLOCK_BYTES // width))
    for start in range(0, rows, step):
        block = np.concatenate([_row_bytes(values[start : start + step]) for values in parts], axis=1)
        data, width = block.tobytes(), block.shape[1]
        digests += [
            hashlib.blake2b(data[position : position + width], digest_size=8, salt=salt).digest()
            for position in range(0, len(data), width)
        ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _row_bytes(values: np.ndarray) -> np.ndarray:
    little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little_endian).reshape(len(values), -1).view(np.uint8)


def _cell_hashes(values: np.ndarray | LazyArray) -> np.ndarray:
    known: dict[bytes, int] = {}
    result = np.empty(len(values), dtype=np.uint64)
    for row, cell in enumerate(cell for block in blocks(values) for cell in block):
        data = _cell_bytes(cell)
        if data not in known:
            digest = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
            if len(data) > SHORT:
                result[row] = digest
                continue
            known[data] = digest
        result[row] = known[data]
    return result


def _cell_bytes(cell: object) -> bytes:
    if isinstance(cell, np.ndarray) and cell.dtype != object:
        return str(cell.shape).encode() + cell.tobytes()
    if isinstance(cell, (list, dict, np.ndarray)):
        return repr(cell).encode()
    return cell if isinstance(cell, bytes) else _cell_text(cell).encode()


def _cell_text(cell: object) -> str:
    return "" if is_missing(np.array([cell], dtype=object))[0] else text_of(cell)
