"""Hashes of rows: the same on every machine, and a fingerprint of a whole split."""

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.data.columns import text_of
from pipeline.data.files.stored import BLOCK_BYTES, LazyArray, blocks, row_bytes, spans
from pipeline.data.files.words import coded
from pipeline.data.missing import holds_text_only, is_missing

CHUNK = 16_384  # rows that are hashed at a time; fewer where rows are long
SHORT = 64  # bytes of a cell whose hash is remembered, because short cells are often repeated
MISSING_BITS = np.uint64(0x7FF8_0000_0000_0000)  # the bits of NaN
(MISSING,) = pd.util.hash_array(np.array([MISSING_BITS]))  # the hash of a missing cell
EXACT = 2.0**53  # float64 has all whole numbers below


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


def cell_hashes(values: np.ndarray | LazyArray) -> np.ndarray:
    """A hash of each row's cell in one column, by its value and not by the type in which it is stored.

    3, 3.0 and a 3 beside missing cells have one hash, and so have all missing cells: NaN, None and blank
    text. Much faster than `row_hashes`, because whole columns are hashed at a time.

    Args:
        values: an array (rows, ...), or a column on disk, which is read in blocks.

    Returns:
        (rows,) uint64.
    """
    return np.concatenate([_block_hashes(block) for block in blocks(values)])


def name_factor(name: str) -> np.uint64:
    """An odd number that tells the hashes of a column from those of others before they are added."""
    return np.uint64(2 * zlib.crc32(name.encode()) + 1)


def mixed(hashes: np.ndarray, salt: int = 0) -> np.ndarray:
    """Other hashes for other salts, (rows,) uint64; different hashes stay different."""
    (salt_hash,) = pd.util.hash_array(np.array([salt % 2**64], dtype=np.uint64))
    return np.asarray(pd.util.hash_array(hashes ^ salt_hash))


def numbered(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The number of each row's hash in order of appearance, the distinct hashes, and a row with each."""
    codes, distinct = pd.factorize(hashes)
    first = np.empty(len(distinct), dtype=int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes, distinct, first


def _block_hashes(values: np.ndarray) -> np.ndarray:
    if values.ndim > 1:
        return row_hashes([values])
    if values.dtype.kind in "biuf":
        return np.concatenate([_number_hashes(values[part]) for part in spans(len(values), 1, CHUNK)])
    if values.dtype.kind in "mM":
        ticks = values.astype(f"{values.dtype.kind}8[us]").astype(np.int64)
        return _number_hashes(np.where(np.isnat(values), np.nan, ticks))
    return _text_hashes(values)


def _number_hashes(values: np.ndarray) -> np.ndarray:
    """Hashes of float64 bits, to which whole numbers are converted where that is exact."""
    cells = values.astype(np.float64) + 0.0  # + 0.0 turns -0.0 into 0.0
    bits = cells.view(np.uint64)
    if values.dtype.kind == "f":
        bits[np.isnan(cells)] = MISSING_BITS
    elif values.dtype.itemsize == 8:
        bits = np.where(np.abs(cells) < EXACT, bits, values.view(np.uint64))
    return np.asarray(pd.util.hash_array(bits))


def _text_hashes(values: np.ndarray) -> np.ndarray:
    """Hashes of text, as which other single values are hashed too; lists are hashed by their bytes."""
    cells = values.astype(object, copy=False)
    if not holds_text_only(cells):
        nested = np.array([isinstance(cell, (bytes, list, dict, np.ndarray)) for cell in cells], dtype=bool)
        if nested.any():
            result = np.empty(len(cells), dtype=np.uint64)
            result[nested], result[~nested] = _cell_hashes(cells[nested]), _text_hashes(cells[~nested])
            return result
        cells = np.array([_cell_text(cell) for cell in cells], dtype=object)
    codes, distinct = coded(cells)  # None has the code -1, which picks the last entry
    hashes = pd.util.hash_array(distinct, categorize=False)
    blank = np.array([not word.strip() for word in distinct], dtype=bool)
    return np.asarray(np.append(np.where(blank, MISSING, hashes), MISSING)[codes])


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
