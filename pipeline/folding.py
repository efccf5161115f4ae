"""Texts in the form in which their words are looked up, the same in training, predictions and logged models.

Keras' layer for texts lowers only ASCII, and TensorFlow's functions for Unicode know no normal forms and
lower "I" by the language of the machine. So texts are folded before they enter a model. This file is logged
with each model, so it imports nothing of this package.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

MEMBER = "member_"  # how the members of an ensemble begin
FOLDED = "_folded_words"  # suffix of the layers that look up the words of folded texts


class _Signs(dict[int, str | int | None]):
    """What takes the place of a character in `str.translate`; filled as characters occur."""

    def __missing__(self, code: int) -> str | int | None:
        self[code] = _replaced(chr(code))
        return self[code]


def fold(text: str) -> str:
    """One form for what readers take for the same: normal form NFKC, folded case, punctuation as blanks.

    ß is ss, the final sigma is a sigma, and the Turkish ı and İ are i: capitals do not tell which i is meant.
    Symbols such as emoji are words of their own. ASCII punctuation stays, because Keras' layer removes it.
    """
    if text.isascii():
        return text.lower()
    # Folding the case can take composed letters apart, so they are composed again.
    folded = unicodedata.normalize("NFKC", text.translate(_SIGNS)).casefold()
    return unicodedata.normalize("NFKC", folded).replace("i\u0307", "i").replace("ı", "i")


def folded_inputs(model: Any) -> set[str]:
    """The raw inputs of a Keras model whose texts are folded; models of version 0.1 have none."""
    members = [layer for layer in model.layers if layer.name.startswith(MEMBER)] or [model]
    layers = [layer for member in members for layer in member.layers]
    return {layer.input.name for layer in layers if layer.name.endswith(FOLDED)}


def fold_texts(model: Any, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Folds the texts among the raw inputs of a Keras model.

    Args:
        arrays: raw model input -> (rows, ...).
    """
    texts = folded_inputs(model)
    return {name: _fold_all(values) if name in texts else values for name, values in arrays.items()}


def _fold_all(texts: Any) -> np.ndarray:
    return np.array([fold(str(text)) for text in texts], dtype=object)


def _replaced(character: str) -> str | None:
    kind = unicodedata.category(character)
    if character.isascii():
        return character
    if kind[0] in "PZ" or character in "\u0085\u200b":  # a line break, and the break between Thai words
        return " "
    if kind[0] == "S":
        return f" {character} "
    # Invisible marks, such as those of direction, and those that choose how an emoji is drawn.
    return None if kind == "Cf" or "\ufe00" <= character <= "\ufe0f" else character


# Inside words: apostrophes, hyphens, and the Armenian signs that stand on a vowel.
_SIGNS = _Signs(
    str.maketrans(dict.fromkeys("‘’‛´`ʹʼ′＇", "'") | dict.fromkeys("‐‑−－", "-") | dict.fromkeys("՛՜՞", None))
)
