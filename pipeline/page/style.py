"""One look for all figures: colours, canvases, and text that the installed fonts can draw."""

import logging
import re
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/; the palest last: thin lines in it hardly show.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
COLOUR_MAP = "cividis"
INK, GREY, PALE = "#222222", "#595959", "#d9d9d9"
WIDTH = 10.5  # inches that the page shows at full size
DPI = 120
UNDRAWABLE = "□"

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
# Parts of the names of families that hold many scripts; others may claim signs that they do not draw.
_FURTHER_FONTS = (
    *("Noto Sans", "CJK", "Gothic", "Mincho", "Ming", "Hei", "Song", "Hiragino", "PingFang", "Meiryo"),
    *("Source Han", "Fallback", "Unicode"),
)


@contextmanager
def look(words: Iterable[str]) -> Iterator[None]:
    """Matplotlib's defaults plus our look, whatever the user's matplotlibrc says, with fonts for `words`."""
    defaults = {
        key: rule for key, rule in matplotlib.rcParamsDefault.items() if not key.startswith("backend")
    }
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)  # a font without a bold face is used as it is; no need to say so each time
    try:
        rules: Any = {**defaults, **_LOOK, "font.family": families(words, _FURTHER_FONTS)}
        with matplotlib.rc_context(rules):
            yield
    finally:
        log.setLevel(level)


def families(words: Iterable[str], wanted: Iterable[str], first: str = "DejaVu Sans") -> list[str]:
    """`first` (DejaVu Sans comes with matplotlib), then the installed families that draw what it lacks.

    Args:
        words: all texts to be drawn.
        wanted: parts of the names of the families that may be added.
        first: a family that is installed.
    """
    chosen = [first]
    lacking = {sign for word in words for sign in word if not _has((first,), sign)}
    for name in sorted({font.name for font in fontManager.ttflist} - {first}):
        if lacking and any(part in name for part in wanted):
            drawn = {sign for sign in lacking if _has((name,), sign)}
            chosen += [name] if drawn else []
            lacking -= drawn
    return chosen


@lru_cache(maxsize=50_000)
def _has(names: tuple[str, ...], sign: str) -> bool:
    """Whether `sign` can be drawn in normal and in bold type."""
    if sign.isspace():
        return True
    weights = ("normal", "bold")
    files = [
        [fontManager.findfont(FontProperties(family=[name], weight=w)) for name in names] for w in weights
    ]
    return all(any(get_font(file).get_char_index(ord(sign)) for file in of_weight) for of_weight in files)


def drawable(text: str) -> bool:
    """Whether the fonts of this `look` have every sign of `text`."""
    names = tuple(matplotlib.rcParams["font.family"])
    return all(_has(names, sign) for sign in text)


def clean(text: object, longest: int | None = None) -> str:
    """One line of drawable text: □ for a sign that the fonts lack, … where it is cut to `longest` signs."""
    line = " ".join(str(text).split())
    line = "".join(sign if drawable(sign) else UNDRAWABLE for sign in line)
    if longest is not None and len(line) > longest:
        line = line[: longest - 1] + "…"
    return re.sub(r"(?<!\\)\$", r"\\$", line)  # a class called "$5 to $10" is no formula


def class_labels(names: list[str], longest: int = 22) -> list[str]:
    """Names as a figure can show them; #3 for the class of code 3 where the fonts lack its name."""
    return [clean(name, longest) if drawable(name) else f"#{code}" for code, name in enumerate(names)]


def legend_of(names: list[str]) -> str:
    """The sentence that explains the numbers of `class_labels`; empty when there are none."""
    numbered = [f"#{code} {name}" for code, name in enumerate(names) if not drawable(name)]
    return (
        "No installed font draws these names, so the figures number them: " + ", ".join(numbered)
        if numbered
        else ""
    )


def wrap(text: str, inches: float, points: float) -> list[str]:
    """Lines of `text` that fit `inches` at a font size of `points`; ALongName breaks before capitals."""
    fitting = max(4, int(inches * 72 / (0.61 * points)))  # 0.61 em: DejaVu Sans, a little more than its mean
    words = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", word) if len(word) > fitting else word
        for word in clean(text).split()
    ]
    return textwrap.wrap(" ".join(words), fitting) or [""]


def number(value: object) -> str:
    """Four significant digits, thousands separated; – for what is absent; other things as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if value != value:
            return "–"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def panels(
    count: int, *, columns: int = 3, height: float = 2.7, width: float = WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` equal panels, at most `columns` beside each other, each row `height` inches."""
    columns = min(columns, count)
    lines = -(-count // columns)
    figure = Figure(figsize=(width, height * lines + 0.4), layout="constrained")
    return figure, [figure.add_subplot(lines, columns, place + 1) for place in range(count)]


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty sheet whose coordinates are inches, x to the right and y down."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_autoscale_on(False)
    axes.axis("off")
    return figure, axes
