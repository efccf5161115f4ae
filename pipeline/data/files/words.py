"""Columns of text whose distinct words are known, so that each word is treated once and not in every row."""

import weakref

import numpy as np
import pandas as pd

_known: dict[int, tuple["weakref.ref[np.ndarray]", np.ndarray, np.ndarray]] = {}  # by the array's id


def from_codes(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """A column of text (rows,) that remembers its words; it is read-only, or it could forget them silently.

    Args:
        codes: (rows,) position of each row's word, -1 = None.
        words: distinct strings, objects.
    """
    column: np.ndarray = np.append(words, np.array([None], dtype=object))[codes]
    column.flags.writeable = False
    place = id(column)
    known = weakref.ref(column, lambda _: _known.pop(place, None))
    _known[place] = known, codes.astype(np.int32, copy=False), words
    return column


def remembers(column: np.ndarray) -> bool:
    """Whether a column was made by `from_codes`."""
    return id(column) in _known


def coded(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's word, -1 where it is missing, and the distinct words, in any order.

    Args:
        column: (rows,) objects.
    """
    if id(column) in _known:
        return _known[id(column)][1:]
    codes, distinct = pd.factorize(column)
    return codes, np.asarray(distinct)
