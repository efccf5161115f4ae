"""Draws one row of one input into a small box: as an image, a pen path, lines, a table or text."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from pipeline.page.style import COLOURS, GREY, INK, PALE, clean, number, wrap
from pipeline.report.record import InputExamples

_SMALL = 6.5  # points
_SAMPLE = 100  # rows that determine how an input is drawn
MISSING = "–"

Box = tuple[float, float, float]  # left, top, side: inches on the sheet


def draw_input(axes: Axes, box: Box, examples: InputExamples, place: int) -> None:
    """Draws row `place` of an input into a box of a `sheet`, according to the input's kind."""
    left, top, side = box
    axes.add_patch(
        Rectangle((left, top), side, side, facecolor="none", edgecolor=PALE, linewidth=0.8, zorder=3)
    )
    first = next(iter(examples.values.values()))
    if examples.kind == "image":
        _draw_image(axes, box, first, place)
    elif examples.kind == "series":
        _draw_series(axes, box, first, place)
    elif examples.kind == "text":
        text = value_text(first[place])
        _draw_lines(axes, box, [] if text == MISSING else wrap(text, side - 0.08, _SMALL))
    elif examples.kind == "vector":
        _draw_lines(axes, box, [f"{column}  {value_text(cell)}" for column, cell in enumerate(first[place])])
    else:
        names = [key.split(".", 1)[-1] for key in examples.values]
        values = [value_text(column[place]) for column in examples.values.values()]
        _draw_lines(axes, box, [f"{name}  {value}" for name, value in zip(names, values, strict=True)])


def _draw_image(axes: Axes, box: Box, images: np.ndarray, place: int) -> None:
    image = images[place] if images.ndim == 4 else images[place][..., None]
    if image.dtype.kind == "f" and np.isnan(image).all():
        _draw_lines(axes, box, [])
        return
    pixels = to_unit(image, images)
    pixels = pixels if pixels.shape[-1] in (3, 4) else pixels.mean(axis=-1)
    left, top, side = box
    height, width = pixels.shape[:2]
    across, down = side * width / max(height, width), side * height / max(height, width)
    x, y = left + (side - across) / 2, top + (side - down) / 2
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=(x, x + across, y + down, y), aspect="auto")


def to_unit(image: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Scales pixels to 0 … 1 by the value range of the images, usually 0 to 1 or 0 to 255."""
    sample = images[:_SAMPLE].ravel()
    low = min(0.0, float(np.fmin(np.fmin.reduce(sample), np.nanmin(image))))
    high = float(np.fmax(np.fmax.reduce(sample), np.nanmax(image)))
    if low == 0:
        high = next((usual for usual in (1.0, 255.0) if high <= usual), high)
    return np.clip(np.nan_to_num((image.astype(float) - low) / ((high - low) or 1.0)), 0, 1)


def is_pen_path(series: np.ndarray) -> bool:
    """Whether (rows, steps, channels) looks like pen coordinates: two channels, all values from 0 to 1."""
    sample = series[:_SAMPLE]
    known = sample[np.isfinite(sample)]
    return (
        series.ndim == 3
        and series.shape[-1] == 2
        and known.size > 0
        and known.min() >= 0
        and known.max() <= 1
    )


def _draw_series(axes: Axes, box: Box, series: np.ndarray, place: int) -> None:
    steps = series[place].astype(float).reshape(series.shape[1], -1)
    pen = is_pen_path(series)
    steps = steps[~(np.isnan(steps).any(axis=1) if pen else np.isnan(steps).all(axis=1))]
    left, top, side = box
    if not len(steps):
        _draw_lines(axes, box, [])
    elif pen:
        _draw_pen(axes, steps * side + (left, top))
    else:
        known = np.ma.masked_invalid(steps)
        low, high = known.min(axis=0).filled(0), known.max(axis=0).filled(1)
        scaled = (steps - low) / np.where(high > low, high - low, 1)
        x = left + side * np.linspace(0.04, 0.96, len(steps))
        for channel in range(steps.shape[1]):
            y = top + side * (0.94 - 0.88 * scaled[:, channel])
            axes.plot(x, y, color=COLOURS[channel % len(COLOURS)], linewidth=0.9)
        axes.text(
            left + side,
            top - 0.08,
            f"{len(steps)} steps",
            fontsize=_SMALL,
            color=GREY,
            ha="right",
            va="center",
        )


def _draw_pen(axes: Axes, points: np.ndarray) -> None:
    """Draws at least one point; (steps, 2), in inches."""
    segments = np.stack([points[:-1], points[1:]], axis=1)
    lengths = np.linalg.norm(points[1:] - points[:-1], axis=1)
    # The points of a stroke are evenly spaced, so a long step means that the pen was lifted.
    lifted = lengths > 2 * np.median(lengths) if len(lengths) else np.zeros(0, dtype=bool)
    order = np.linspace(0, 1, len(segments))
    axes.add_collection(LineCollection(segments[lifted], colors="#c8c8c8", linewidths=0.5))
    axes.add_collection(
        LineCollection(
            segments[~lifted], array=order[~lifted], cmap="viridis", clim=(0, 1.15), linewidths=1.4
        )
    )
    axes.plot(*points[0], marker="o", markersize=2.5, color=COLOURS[5])


def _draw_lines(axes: Axes, box: Box, lines: list[str]) -> None:
    left, top, side = box
    spacing = 0.118
    room = int((side - 0.06) / spacing)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"… {len(lines) - room + 1} more"]
    characters = int((side - 0.06) * 72 / (0.6 * _SMALL))
    for place, line in enumerate(lines or ["missing"]):
        text, colour = clean(line, characters), INK if lines else GREY
        axes.text(
            left + 0.04,
            top + 0.03 + (place + 0.5) * spacing,
            text,
            fontsize=_SMALL,
            va="center",
            color=colour,
        )


def value_text(cell: object) -> str:
    """A table cell or a text as one string; – if it is missing."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return MISSING if cell is None or cell == "" else number(cell)
