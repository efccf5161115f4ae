"""Groups of letters in short texts, so that a word that is new to a model is known by its parts.

As in fastText, Bojanowski et al. 2017, arXiv:1607.04606. Groups run across words, so that they tell where a
word begins and ends.
"""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

SIZES = (2, 3, 4)  # letters of a group
MOST_WORDS = 16  # in the longest training text; the words of longer texts say enough
MOST_GROUPS = 256  # of a text that are read: about 86 letters
FEWEST_TEXTS = 2  # that have a group; what only one text has says nothing about others


def letter_layer(vocabulary: list[str] | None = None, **options: Any) -> keras.layers.Layer:
    """The layer that turns texts into the ids of their groups of letters."""
    return keras.layers.TextVectorization(
        vocabulary=vocabulary, split="character", ngrams=SIZES, output_mode="int", **options
    )


def fit_letters(blocks: Callable[[], Iterable[Any]], most: int) -> tuple[list[str], int]:
    """Find the groups of letters that several texts have.

    Args:
        blocks: returns the training texts, as tensors of strings (rows,).
        most: number of groups, the most frequent ones.

    Returns:
        The groups, and the number of groups of the longest text.
    """
    layer = letter_layer(max_tokens=most + 2)
    layer.reset_state()
    for texts in blocks():
        layer.update_state(texts)
    layer.finalize_state()
    names = layer.get_vocabulary(include_special_tokens=False)
    if not names:  # every text is a single letter
        return [], 0
    counts, longest = np.zeros(len(names) + 2, dtype=int), 0
    for texts in blocks():
        ids = np.sort(np.asarray(layer(texts)), axis=1)
        once = np.diff(ids, axis=1, prepend=-1) != 0
        counts += np.bincount(ids[once], minlength=len(counts))
        longest = max(longest, ids.shape[1])
    kept = [name for name, count in zip(names, counts[2:], strict=True) if count >= FEWEST_TEXTS]
    return kept, min(longest, MOST_GROUPS)
