"""Lists of numbers that are written as text, in one cell of a table."""

import re
from collections.abc import Collection

import numpy as np

INNER_LIST = re.compile(r"\[([^\[\]]*)\]")
BRACKETS = str.maketrans("()", "[]")
CALLS = re.compile(
    r"\b(?:np\.)?(?:float|int|uint)\d+\(([^()]*)\)|\b(?:np\.)?array\(([^()]*?)(?:,\s*dtype=\w+)?\)"
)
TRUTHS = {"true": 1.0, "false": 0.0}
ITEM = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^,"']*?))\s*(?:,|$)""")


def holds_list(cell: object, single: Collection[str], decimal: str = ".") -> bool:
    """Whether a cell holds several numbers; `single` has the words for a missing one."""
    if not isinstance(cell, str):
        return isinstance(cell, (list, tuple, np.ndarray))
    text = cell.strip()
    signs = r"[\[(\s;]" if decimal == "," else r"[\[(\s;,]"
    return text not in single and re.search(signs, text) is not None


def parse_list(text: str, missing: Collection[str], decimal: str = ".") -> np.ndarray:
    """Numbers of a cell such as `[1.0, 2.5]`, `1.0 2.5`, `1.0;2.5`, or `[[1, 2], [3, 4]]`.

    Lists of lists, and numbers separated by commas in parts separated by semicolons, are steps with several
    channels. Words for missing values, and null, are NaN.

    Args:
        missing: the words for a missing number.
        decimal: "," if 1,5 is one number.

    Returns:
        (steps,) or (steps, channels) float64.

    Raises:
        ValueError: a part is not a number, or the parts differ in length.
    """
    # NumPy and pandas write np.float64(1.5) and array([1.5]) in lists.
    text = CALLS.sub(lambda call: call[1] or call[2] or "", text.strip()).translate(BRACKETS)
    if text.count("[") != text.count("]"):
        raise ValueError("a bracket is missing")
    if re.match(r"\[\s*\[", text):
        parts, rest = INNER_LIST.findall(text), INNER_LIST.sub("", text)
        if re.fullmatch(r"\[[\s,;]*\]", rest) is None:
            raise ValueError(f"{rest!r} is no list of lists")
    elif ";" in text and "," in text and decimal != ",":
        parts = text.removeprefix("[").removesuffix("]").split(";")
    else:
        return np.array(_numbers(text.removeprefix("[").removesuffix("]"), missing, decimal))
    return np.array([_numbers(part, missing, decimal) for part in parts if part.strip()])


def _numbers(text: str, missing: Collection[str], decimal: str) -> list[float]:
    text = text.strip().rstrip(",;")
    if decimal == ",":
        words = [word.replace(",", ".") for word in re.split(r"[\s;]+", text)]
    else:
        words = re.split(r"[\s;|]*[,\s;|][\s;|]*", text)
    words = [word.strip("\"'") for word in words]
    if words == [""]:
        return []
    return [np.nan if word in missing or word in ("null", "") else _number(word) for word in words]


def _number(word: str) -> float:
    truth = TRUTHS.get(word.lower())
    return float(word) if truth is None else truth


def written_lists(cells: np.ndarray) -> list[list[str] | None] | None:
    """The words in cells such as `['a', 'b']`, `["a"]` or `{a,b}`; None if a cell is no list.

    Missing cells are None. Python, JSON and PostgreSQL write lists so.
    """
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    if not any(texts) or not all(text[:1] + text[-1:] in ("", "[]", "{}", "()") for text in texts):
        return None
    return [_words(text[1:-1]) if text else None for text in texts]


def _words(inner: str) -> list[str]:
    found = ["".join(groups).strip() for groups in ITEM.findall(inner)]
    return [word for word in found if word]
