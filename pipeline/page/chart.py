"""Charts that a page draws itself: their lines can be pointed at, hidden and zoomed. `charts.js` draws them.

A colour is a name, so that it means one thing on every page and suits light and dark pages: those of
`style.SPLITS`, "ink", "grey", or `series` for heads, runs and trials.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.page.style import SERIES


@dataclass(frozen=True)
class Line:
    """One line of a plot, or one cloud of points.

    Args:
        y: NaN leaves a gap.
        x: None: 1, 2, 3 and so on.
        points: whether points are drawn and no line.
        bars: the (low, high) ends of an interval at each point, drawn as a thin line.
        notes: what is said of each point besides its values.
    """

    name: str
    y: Sequence[float]
    x: Sequence[float] | None = None
    colour: str = "test"
    dashed: bool = False
    points: bool = False
    bars: Sequence[tuple[float, float]] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Mark:
    """A dotted straight line: at a value of x, at a value of y, or y = x if both are None."""

    name: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Plot:
    """Lines over common axes; `limits` are those of x and y, None if the data decide."""

    title: str
    lines: Sequence[Line]
    x: str = ""
    y: str = ""
    marks: Sequence[Mark] = ()
    log: bool = False  # of y
    square: bool = False  # one scale for x and y
    limits: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)


@dataclass(frozen=True)
class Axis:
    """An axis of parallel coordinates; `words` name the values 0, 1, 2, and so on."""

    title: str
    words: Sequence[str] = ()
    log: bool = False


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: each line has one value per axis."""

    axes: Sequence[Axis]
    lines: Sequence[Line]


@dataclass(frozen=True)
class Chart:
    """Plots side by side; lines of one name are highlighted and hidden together."""

    plots: Sequence[Plot | Parallel] = field(default_factory=list)

    def as_json(self) -> str:
        """The chart for `charts.js`: numbers with five digits, NaN as null; safe inside a script element."""
        plots = [_parallel(plot) if isinstance(plot, Parallel) else _plot(plot) for plot in self.plots]
        return json.dumps(plots, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def series(place: int) -> dict[str, Any]:
    """The colour of the head, run or trial number `place`; from the ninth on lines are dashed."""
    return {"colour": f"s{place % len(SERIES)}", "dashed": place // len(SERIES) % 2 == 1}


def _plot(plot: Plot) -> dict[str, Any]:
    return {
        "title": plot.title,
        "x": plot.x,
        "y": plot.y,
        "log": plot.log,
        "square": plot.square,
        "limits": plot.limits,
        "marks": [{"name": mark.name, "x": mark.x, "y": mark.y} for mark in plot.marks],
        "lines": [_line(line) for line in plot.lines],
    }


def _parallel(plot: Parallel) -> dict[str, Any]:
    axes = [{"title": axis.title, "words": list(axis.words), "log": axis.log} for axis in plot.axes]
    return {"axes": axes, "lines": [_line(line) for line in plot.lines]}


def _line(line: Line) -> dict[str, Any]:
    values: dict[str, Any] = {"name": line.name, "y": _rounded(line.y), "colour": line.colour}
    if line.x is not None:
        values["x"] = _rounded(line.x)
    if line.bars:
        values["bars"] = [_rounded(ends) for ends in line.bars]
    if line.notes:
        values["notes"] = list(line.notes)
    return values | {name: True for name in ("dashed", "points") if getattr(line, name)}


def _rounded(values: Sequence[float]) -> list[float | int | None]:
    return [_short(float(value)) if math.isfinite(value) else None for value in values]


def _short(value: float) -> float | int:
    rounded = float(f"{value:.5g}")
    return int(rounded) if rounded == int(rounded) else rounded
