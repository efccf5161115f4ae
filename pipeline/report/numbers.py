"""Number heads: predicted against true values, intervals, and how often they hold the label."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.page.chart import Chart, Line, Mark, Plot, series
from pipeline.page.elements import Drawing
from pipeline.page.style import AMOUNT, INK, SERIES, SPLITS, WIDTH, clean, panels
from pipeline.report.record import HeadResult

_MOST_COLUMNS = 12
_MOST_POINTS = 4000  # more than this are drawn as a density
_MOST_IN_CHART = 1500  # points of all columns together, so that the page stays small


def number_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """Predictions against true values with their intervals; of a quantile head also its coverage."""
    columns = min(len(head.names), _MOST_COLUMNS)
    coverage = observed_shares(head)
    count = columns + (coverage is not None)
    figure, grid = panels(count, height=3.6, width=5.2 if count == 1 else WIDTH)
    for column, axes in enumerate(grid[:columns]):
        known = _known(head, column)
        truth, predicted = head.labels[known, column], head.outputs[known, column]
        bands = None if head.bands is None else head.bands[known, column][:, [0, -1]]
        _scatter(axes, figure, truth, predicted, bands, clean(head.names[column], 36))
    caption = f"Predicted against true {', '.join(head.names[:columns])}. Predictions on the line are exact."
    if columns < len(head.names):
        caption += f" Only the first {columns} of {len(head.names)} columns are drawn."
    if coverage is not None:
        _draw_coverage(grid[-1], head, coverage)
        caption += (
            f" Thin lines: from quantile {head.quantiles[0]:g} to {head.quantiles[-1]:g}. Last panel: the "
            "share of labels below each quantile; above the dotted nominal line, the quantile is too high."
        )
    chart, left_out = _chart(head, columns, coverage)
    alt = f"Predicted against true values of head {name}, with the diagonal."
    return {f"predicted_{name}": Drawing(figure, caption + left_out, alt, chart)}


def observed_shares(head: HeadResult) -> np.ndarray | None:
    """(columns, quantiles) shares of the labels at most as large as each quantile; None without quantiles."""
    if head.bands is None or not np.isfinite(head.labels).any():
        return None
    below = (head.labels[:, :, None] <= head.bands).astype(float)
    below[~np.isfinite(head.labels)] = np.nan
    known = np.isfinite(below).sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares: np.ndarray = np.nansum(below, axis=0) / known
    return shares


def _known(head: HeadResult, column: int) -> np.ndarray:
    return np.isfinite(head.labels[:, column]) & np.isfinite(head.outputs[:, column])


def _scatter(
    axes: Axes,
    figure: Figure,
    truth: np.ndarray,
    predicted: np.ndarray,
    bands: np.ndarray | None,
    unit: str,
) -> None:
    axes.set(xlabel=f"true {unit}", ylabel=f"predicted {unit}", title=f"{len(truth):,} test rows")
    if not len(truth):
        return
    ends = [truth, predicted] if bands is None else [truth, predicted, bands.ravel()]
    low, high = float(min(map(np.min, ends))), float(max(map(np.max, ends)))
    margin = 0.04 * (high - low) or 0.5
    limits = (low - margin, high + margin)
    if len(truth) > _MOST_POINTS:
        cells = axes.hexbin(
            truth, predicted, gridsize=45, cmap=AMOUNT, mincnt=1, bins="log", extent=limits * 2
        )
        figure.colorbar(cells, ax=axes, label="rows", shrink=0.8)
    else:
        axes.scatter(truth, predicted, s=12, alpha=0.35, color=SPLITS["test"], linewidths=0)
        if bands is not None:
            axes.vlines(truth, *bands.T, color=SPLITS["test"], alpha=0.2, linewidth=0.7)
    axes.plot(limits, limits, color=INK, linestyle=":", linewidth=1.2)
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def _draw_coverage(axes: Axes, head: HeadResult, coverage: np.ndarray) -> None:
    axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1.2)
    for place, shares in enumerate(coverage):
        colour = SPLITS["test"] if len(coverage) == 1 else SERIES[place % len(SERIES)]
        axes.plot(head.quantiles, shares, "o-", color=colour, markersize=4)
    axes.set(xlabel="quantile", ylabel="share of labels below it", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title(_covered(head, coverage))


def _covered(head: HeadResult, coverage: np.ndarray) -> str:
    nominal = head.quantiles[-1] - head.quantiles[0]
    return (
        f"{100 * nominal:.0f} % interval holds {100 * float((coverage[:, -1] - coverage[:, 0]).mean()):.0f} %"
    )


def _chart(head: HeadResult, columns: int, coverage: np.ndarray | None) -> tuple[Chart, str]:
    """The same for the page, and a sentence if it has only a part of the points."""
    most = max(200, _MOST_IN_CHART // columns)
    plots, counts = [], []
    for column in range(columns):
        known = np.flatnonzero(_known(head, column))
        shown = np.sort(np.random.default_rng(0).permutation(known)[:most])
        counts.append(len(known))
        unit = head.names[column]
        line = Line(
            unit,
            head.outputs[shown, column].tolist(),
            head.labels[shown, column].tolist(),
            points=True,
            bars=() if head.bands is None else _pairs(head.bands[shown, column][:, [0, -1]]),
            notes=[f"row {row}" for row in head.rows[shown].tolist()],
        )
        title, exact = f"{len(known):,} test rows", [Mark("exact")]
        plots.append(Plot(title, [line], f"true {unit}", f"predicted {unit}", exact, square=True))
    if coverage is not None:
        lines = [
            Line(
                label, shares.tolist(), list(head.quantiles), **({} if len(coverage) == 1 else series(place))
            )
            for place, (label, shares) in enumerate(zip(head.names, coverage, strict=True))
        ]
        axes = ("quantile", "share of labels below it")
        limits = ((0.0, 1.0), (0.0, 1.0))
        title = _covered(head, coverage)
        plots.append(Plot(title, lines, *axes, [Mark("nominal")], square=True, limits=limits))
    if max(counts) <= most:
        return Chart(plots), ""
    return Chart(plots), f" This page has {most:,} of the points, drawn at random; the file shows all."


def _pairs(bands: np.ndarray) -> Sequence[tuple[float, float]]:
    return [(float(low), float(high)) for low, high in bands]
