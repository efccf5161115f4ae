"""Texts folded inside a TensorFlow graph, as `pipeline.folding.fold` folds them in Python.

TensorFlow knows no normal forms, so the graph has two tables made from Python's: what takes the place of
each character, and which pairs of characters become one, as a letter and its accent do.
"""

import sys
import unicodedata
from functools import cache

import numpy as np
import tensorflow as tf

from pipeline.folding import fold

CODES = sys.maxunicode + 1
PASSES = 3  # the most marks that are joined with a letter: Greek has letters with three
# The combined letters of Hangul are computed, the other characters that two others make are listed.
HANGUL, LAST_HANGUL, FINALS = 0xAC00, 0xD7A3, 28


class TextFolding(tf.Module):
    """Folds texts (rows,)."""

    def __init__(self) -> None:
        super().__init__()
        codes, replacements = _characters()
        self.characters = _table(tf.constant(codes, tf.int64), tf.constant(replacements), "")
        pairs, joined = _pairs()
        self.pairs = _table(tf.constant(pairs, tf.int64), tf.constant(joined, tf.int64), -1)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        codes = tf.strings.unicode_decode(self._replaced(codes), "UTF-8")
        for _ in range(PASSES):
            codes = self._joined(codes)
        folded = tf.strings.unicode_encode(codes, "UTF-8")
        # As in `fold`: capitals do not tell whether the i with or without its dot is meant.
        return tf.strings.regex_replace(tf.strings.regex_replace(folded, "i\u0307", "i"), "ı", "i")

    def _replaced(self, codes: tf.RaggedTensor) -> tf.Tensor:
        """Replace each character; only those that change are in the table."""
        values = tf.cast(codes.flat_values, tf.int64)
        same = tf.strings.unicode_encode(tf.expand_dims(codes.flat_values, -1), "UTF-8")
        found = self.characters.lookup(values)
        # A character that goes is NUL in the table, because "" stands for those that are not in it.
        pieces = tf.where(found == "", same, tf.where(found == "\0", "", found))
        return tf.strings.reduce_join(codes.with_flat_values(pieces), axis=-1)

    def _joined(self, codes: tf.RaggedTensor) -> tf.RaggedTensor:
        """Join each character with the next one where the two are one letter."""
        values = tf.cast(codes.flat_values, tf.int64)
        rows = codes.value_rowids()
        same_row = tf.concat([rows[1:] == rows[:-1], tf.zeros_like(rows[:1], tf.bool)], axis=0)
        found = self.pairs.lookup(values * CODES + tf.concat([values[1:], values[:1]], axis=0))
        joins = same_row & (found >= 0)
        gone = tf.concat([tf.zeros_like(joins[:1]), joins[:-1]], axis=0)
        joins = joins & ~gone
        gone = tf.concat([tf.zeros_like(joins[:1]), joins[:-1]], axis=0)
        values = tf.where(joins, found, values)
        return tf.ragged.boolean_mask(
            codes.with_flat_values(tf.cast(values, tf.int32)), codes.with_flat_values(~gone)
        )


def _table(keys: tf.Tensor, values: tf.Tensor, default: str | int) -> tf.lookup.StaticHashTable:
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)


@cache
def _characters() -> tuple[list[int], list[str]]:
    """Return the characters that folding changes, and what they become; those that go become NUL."""
    changed = {}
    for code in range(CODES):
        character = chr(code)
        if 0xD800 <= code <= 0xDFFF or HANGUL <= code <= LAST_HANGUL:
            continue
        if (folded := fold(character)) != character:
            changed[code] = folded or "\0"
    return list(changed), list(changed.values())


@cache
def _pairs() -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of characters, as first x CODES + second, and the character that they make."""
    letters, marks = set(), set()
    for code in range(CODES):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and not HANGUL <= code <= LAST_HANGUL:
            letters |= {code, int(parts[0], 16)}
            marks.add(int(parts[1], 16))
    # Also with letters that have a mark already: NFC sorts marks, so any order makes the same letter.
    made = {
        letter * CODES + mark: ord(whole)
        for letter in letters
        for mark in marks
        if len(whole := unicodedata.normalize("NFC", chr(letter) + chr(mark))) == 1
    }
    for code in range(HANGUL, LAST_HANGUL + 1):
        first, second = _hangul_parts(code)
        made[first * CODES + second] = code
    return np.array(list(made)), np.array(list(made.values()))


def _hangul_parts(code: int) -> tuple[int, int]:
    """Return a syllable's two parts: consonant and vowel, or a syllable of these and the final consonant."""
    place = code - HANGUL
    if final := place % FINALS:
        return code - final, 0x11A7 + final
    return 0x1100 + place // FINALS // 21, 0x1161 + place // FINALS % 21
