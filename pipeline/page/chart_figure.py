"""Draws charts with matplotlib, for the PNG files beside a page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.page.chart import Axis, Chart, Line, Mark, Parallel, Plot
from pipeline.page.style import GREY, INK, SERIES, SPLITS, clean, number, panels

_COLOURS = {**SPLITS, **{f"s{place}": one for place, one in enumerate(SERIES)}, "ink": INK, "grey": GREY}
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
_MOST_IN_LEGEND = 16


def chart_figure(chart: Chart, *, height: float = 2.7, columns: int = 3) -> Figure:
    """The plots of a chart as panels, with one legend for all of them."""
    figure, grid = panels(len(chart.plots), height=height, columns=columns)
    for axes, plot in zip(grid, chart.plots, strict=True):
        if isinstance(plot, Parallel):
            _draw_parallel(axes, plot)
        else:
            _draw_plot(axes, plot)
    shown = {
        label: line for axes in grid for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if 1 < len(shown) <= _MOST_IN_LEGEND:
        if len(shown) > 5:
            figure.legend(list(shown.values()), list(shown), loc="outside right upper")
        else:
            figure.legend(list(shown.values()), list(shown), loc="outside upper right", ncols=len(shown))
    return figure


def _draw_plot(axes: Axes, plot: Plot) -> None:
    for line in plot.lines:
        _draw_line(axes, line)
    axes.set(title=clean(plot.title, 40), xlabel=plot.x, ylabel=plot.y)
    if plot.log:
        axes.set_yscale("log")
    for mark in plot.marks:
        _draw_mark(axes, mark)
    if plot.square:
        ends = axes.get_xlim() + axes.get_ylim()
        axes.set(xlim=(min(ends), max(ends)), ylim=(min(ends), max(ends)), aspect="equal")
    across, up = plot.limits
    if across:
        axes.set_xlim(across)
    if up:
        axes.set_ylim(up)
    if plot.x == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))


def _draw_line(axes: Axes, line: Line) -> None:
    y = np.asarray(line.y, float)
    x = np.arange(1, len(y) + 1) if line.x is None else np.asarray(line.x, float)
    look: dict[str, Any] = {"color": _COLOURS[line.colour], "label": clean(line.name, 30)}
    if line.bars:
        low, high = np.asarray(line.bars, float).T
        axes.vlines(x, low, high, color=_COLOURS[line.colour], linewidth=0.7, alpha=0.3)
    if line.points:
        axes.plot(x, y, "o", markersize=3.5, alpha=0.45, markeredgewidth=0, **look)
        return
    # Without markers a single epoch, or one between two missing ones, would be invisible.
    marker = "." if len(y) <= 60 or np.isnan(y).any() else None
    size = 4 if len(y) > 1 else 9
    axes.plot(x, y, marker=marker, markersize=size, linestyle="--" if line.dashed else "-", **look)


def _draw_mark(axes: Axes, mark: Mark) -> None:
    look: dict[str, Any] = {"color": INK, "linestyle": ":", "linewidth": 1.2}
    if mark.x is not None:
        axes.axvline(mark.x, label=mark.name, **look)
    elif mark.y is not None:
        axes.axhline(mark.y, **look)
        across = axes.get_yaxis_transform()
        place: dict[str, Any] = {"transform": across, "ha": "right", "va": "bottom"}
        axes.text(0.99, mark.y, mark.name, fontsize=8, bbox=_PAPER, **place)
    else:
        axes.axline((0, 0), slope=1, **look)


def _draw_parallel(axes: Axes, plot: Parallel) -> None:
    values = np.array([line.y for line in plot.lines], float).reshape(len(plot.lines), len(plot.axes))
    scaled = np.stack([_scaled(values[:, k], axis) for k, axis in enumerate(plot.axes)], axis=1)
    places = np.arange(len(plot.axes))
    for line, heights in zip(plot.lines, scaled, strict=True):
        axes.plot(places, heights, color=_COLOURS[line.colour], label=clean(line.name, 30), linewidth=1.2)
    for k, axis in enumerate(plot.axes):
        axes.axvline(k, color=GREY, linewidth=1)
        for height, text in _ticks(values[:, k], axis):
            axes.text(k + 0.02, height, clean(text, 16), fontsize=7.5, va="center", bbox=_PAPER)
    axes.set_xticks(places, [clean(axis.title, 24) for axis in plot.axes])
    axes.set(yticks=[], ylim=(-0.05, 1.05))
    axes.grid(visible=False)


def _scaled(values: np.ndarray, axis: Axis) -> np.ndarray:
    """Values between 0, the bottom of an axis, and 1."""
    known = np.log(values) if axis.log else values
    low, high = (0, len(axis.words) - 1) if axis.words else (np.nanmin(known), np.nanmax(known))
    return np.full(len(known), 0.5) if high == low else (known - low) / (high - low)


def _ticks(values: np.ndarray, axis: Axis) -> Sequence[tuple[float, str]]:
    if axis.words:
        last = max(1, len(axis.words) - 1)
        return [(place / last if len(axis.words) > 1 else 0.5, word) for place, word in enumerate(axis.words)]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return [(0.5, number(low))] if low == high else [(0.0, number(low)), (1.0, number(high))]
