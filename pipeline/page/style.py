"""The style of all figures: colours, sizes, number formats, and text that the installed fonts can draw."""

import logging
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any
from unicodedata import bidirectional, category

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager, get_font

# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/; the palest comes last: thin lines in it are hard to see.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
# One colour means one thing on all pages: the split of the rows …
SPLITS = {"train": "#7a7a7a", "val": COLOURS[5], "test": COLOURS[0]}
# … a head, a run or a trial, by its place; Paul Tol 2021, https://sronpersonalpages.nl/~pault/, "muted" …
SERIES = ("#44AA99", "#AA4499", "#DDCC77", "#882255", "#332288", "#999933", "#CC6677", "#117733")
# … and how much, from nothing to much. Cividis reversed, but white at 0, so that small amounts stay pale.
AMOUNT = LinearSegmentedColormap.from_list(
    "amount", [(0, "white"), (0.2, "#eddc5a"), (0.55, "#7f7c75"), (0.8, "#414d6b"), (1, "#00224e")]
)
DARK = 0.45  # of AMOUNT: from here on, text on it is white
INK, GREY, PALE = "#222222", "#595959", "#d9d9d9"
WIDTH = 10.5  # inches; the page shows this width at full size
DPI = 120
UNDRAWABLE = "□"
LEFT_TO_RIGHT = "\u200e"  # a mark without width

_LOOK: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
}
# Parts of the names of font families for many scripts; others may list characters that they cannot draw.
_FURTHER_FONTS = (
    *("Noto Sans", "CJK", "Gothic", "Mincho", "Ming", "Hei", "Song", "Hiragino", "PingFang", "Meiryo"),
    *("Source Han", "Fallback", "Unicode"),
)


@contextmanager
def look(words: Iterable[str]) -> Iterator[None]:
    """Applies this style to matplotlib's defaults, whatever the user's matplotlibrc says.

    Args:
        words: the texts that will be drawn; fonts that can draw them are looked up.
    """
    defaults = {
        key: rule for key, rule in matplotlib.rcParamsDefault.items() if not key.startswith("backend")
    }
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns each time that a font has no bold face
    try:
        rules: Any = {**defaults, **_LOOK, "font.family": families(words, _FURTHER_FONTS)}
        with matplotlib.rc_context(rules):
            yield
    finally:
        log.setLevel(level)


def families(words: Iterable[str], allowed: Iterable[str], first: str = "DejaVu Sans") -> list[str]:
    """Returns `first` and the installed font families that draw the characters it lacks.

    Args:
        words: the texts that will be drawn.
        allowed: parts of the names of the families that may be added.
        first: an installed family; DejaVu Sans comes with matplotlib.
    """
    missing = {character for word in words for character in word if not _has((first,), character)}
    further, rest = _covering(missing, list(allowed), first)
    if rest and _add_new_fonts():
        further, _ = _covering(missing, list(allowed), first)
    return [first, *further]


def _covering(missing: set[str], allowed: list[str], first: str) -> tuple[list[str], set[str]]:
    """Returns the families that draw missing characters, and the characters that no family draws."""
    chosen: list[str] = []
    for name in sorted({font.name for font in fontManager.ttflist} - {first}):
        if missing and any(part in name for part in allowed):
            drawn = {character for character in missing if _has((name,), character)}
            chosen += [name] if drawn else []
            missing = missing - drawn
    return chosen, missing


@cache
def _add_new_fonts() -> bool:
    """Adds fonts that were installed after matplotlib listed them, once; returns whether there are any."""
    known = {font.fname for font in fontManager.ttflist}
    new = [path for path in findSystemFonts() if path not in known]
    for path in new:
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError, UnicodeError):  # no font that matplotlib can read
            continue
    _has.cache_clear()
    return bool(new)


@lru_cache(maxsize=50_000)
def _has(names: tuple[str, ...], character: str) -> bool:
    """Whether the fonts draw a character in normal and in bold type."""
    if character.isspace() or category(character) == "Cc":
        return character.isspace()  # some fonts have empty signs for control characters
    weights = ("normal", "bold")
    files = [
        [fontManager.findfont(FontProperties(family=[name], weight=w)) for name in names] for w in weights
    ]
    return all(
        any(get_font(file).get_char_index(ord(character)) for file in of_weight) for of_weight in files
    )


def drawable(text: str) -> bool:
    """Whether the fonts of the current `look` have every character of `text`."""
    names = tuple(matplotlib.rcParams["font.family"])
    return all(_has(names, character) for character in text)


def clean(text: object, longest: int | None = None) -> str:
    """Returns `text` as one line that can be drawn, cut to `longest` characters.

    □ replaces a character that no font has; … marks a cut.
    """
    line = " ".join(str(text).split())
    line = "".join(character if drawable(character) else UNDRAWABLE for character in line)
    if longest is not None and len(line) > longest:
        line = line[: longest - 1] + "…"
    return re.sub(r"(?<!\\)\$", r"\\$", line)  # matplotlib would read "$5 to $10" as a formula


def class_labels(names: list[str], longest: int = 22) -> list[str]:
    """Class names for a figure; #3 stands for the class of code 3 if no font can draw its name."""
    return [
        _closed(clean(name, longest)) if drawable(name) else f"#{code}" for code, name in enumerate(names)
    ]


def _closed(name: str) -> str:
    """A name after which text goes on from left to right, also if the name is Arabic or Hebrew."""
    return f"{name}{LEFT_TO_RIGHT}" if any(bidirectional(sign) in ("R", "AL") for sign in name) else name


def numbered(names: list[str]) -> list[str]:
    """Class names for a table; the number of `class_labels` stands before a name that figures cannot show."""
    return [name if drawable(name) else f"#{code} {name}" for code, name in enumerate(names)]


def legend_of(names: list[str]) -> str:
    """A sentence that lists the names behind the numbers of `class_labels`; empty if there are none."""
    numbered = [f"#{code} {name}" for code, name in enumerate(names) if not drawable(name)]
    return (
        "No installed font can draw these names, so the figures show numbers instead: " + ", ".join(numbered)
        if numbered
        else ""
    )


def wrap(text: str, inches: float, points: float) -> list[str]:
    """Breaks `text` into lines that fit `inches` at a font size of `points`, ALongName before capitals."""
    fitting = max(4, int(inches * 72 / (0.61 * points)))  # 0.61 em: a little above DejaVu Sans's mean width
    words = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", word) if len(word) > fitting else word
        for word in clean(text).split()
    ]
    return textwrap.wrap(" ".join(words), fitting) or [""]


def number(value: object) -> str:
    """Formats a number with four significant digits and thousands separators; NaN as –, the rest as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if value != value:
            return "–"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def enumerated(words: Sequence[str], last: str = "and") -> str:
    """The words in a sentence: "a", "a and b", "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def prose(sentences: Iterable[str]) -> str:
    """Sentences as a paragraph, each with a capital and a full stop."""
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in sentences)


def plus_minus(value: float, error: float) -> str:
    """Formats a value with its standard error: both with the decimals of the error's second digit.

    An error that is only rounding is 0. NaN as the error: the value alone.

    Example:
        >>> plus_minus(0.91234, 0.0123)
        '0.912 ± 0.012'
    """
    if error != error or value != value:
        return number(value)
    if error <= 1e-9 * max(1.0, abs(value)):
        return f"{number(value)} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{decimals}f} ± {error:,.{decimals}f}"


def panels(
    count: int, *, columns: int = 3, height: float = 2.7, width: float = WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` equal panels, at most `columns` side by side, each row `height` inches tall."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width, height * rows + 0.4), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, index + 1) for index in range(count)]


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure with coordinates in inches, x to the right and y downwards."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_autoscale_on(False)
    axes.axis("off")
    return figure, axes
