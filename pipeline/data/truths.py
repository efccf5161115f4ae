"""Words and numbers for yes and no."""

import numpy as np

from pipeline.data.columns import Column, numbers, strings, text_of
from pipeline.data.missing import NOT_AVAILABLE
from pipeline.errors import ConfigError

YES, NO = ("1", "yes", "y", "true", "t", "on"), ("0", "no", "n", "false", "f", "off")
TRUTHS_ALLOWED = (
    "0 and 1, or yes/no, y/n, true/false, t/f, on/off; of two other words name one for yes with `yes: <word>`"
)
SHOWN = 5  # words in a message


def truths(column: Column, yes: str | None = None, *, must_occur: bool = True) -> np.ndarray:
    """Converts the cells to 1 for yes and 0 for no, float64; NaN = missing.

    Args:
        yes: the word for yes; every other word of the column means no. None: the words of `YES` and `NO`, in
            upper or lower case, and numbers.
        must_occur: whether `yes` must be in the column.

    Raises:
        ConfigError: a cell is another word, `yes` is not in the column, or there is more than one other word.
    """
    if yes is None and column.values.dtype.kind in "fbiu":
        return numbers(column)
    words = strings(column)
    if yes is not None:
        stripped = np.array([word.strip() for word in words], dtype=object)
        return _by_word(column, stripped, text_of(yes).strip(), must_occur)
    lower = np.array([word.strip().lower() for word in words], dtype=object)
    known = dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0) | {"": np.nan}
    known |= dict.fromkeys(map(str.lower, NOT_AVAILABLE), np.nan)
    unknown = np.array([word not in known for word in lower], dtype=bool)
    if unknown.any():
        raise column.error(int(np.argmax(unknown)), "neither yes nor no", TRUTHS_ALLOWED)
    return np.array([known[word] for word in lower])


def _by_word(column: Column, words: np.ndarray, yes: str, must_occur: bool) -> np.ndarray:
    others = sorted({*words} - {yes, ""})
    absent = must_occur and yes not in words
    if absent or len(others) > 1:
        problem = "does not occur" if absent else f"is not the only word besides {others[0]!r}"
        raise ConfigError(
            f"{column.key.rpartition('.')[0]}.yes",
            f"{yes!r} {problem} in column '{column.reference}'",
            found=", ".join(others[:SHOWN]),
            allowed="a column with two words, one of them named by `yes`",
        )
    return np.where(words == "", np.nan, (words == yes).astype(np.float64))
