"""The test rows that a head gets most wrong, drawn as they are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.report.confusion import codes
from pipeline.report.record import Drawing, HeadResult, InputExamples, Record, Table
from pipeline.report.style import COLOURS, GREY, INK, PALE, WIDTH, class_labels, clean, number, sheet, wrap

_COUNT = 12
_SIDE, _GAP, _LINE, _MARGIN, _WORDS = 1.22, 0.1, 0.155, 0.1, 1.62  # inches
_SMALL = 6.5  # points
_ABSENT = "–"

Box = tuple[float, float, float]  # left, top, side: inches on the sheet


def worst(head: HeadResult) -> np.ndarray:
    """Places (not row numbers) of up to 12 labelled test rows, the highest loss first."""
    order = np.argsort(-np.nan_to_num(head.row_loss, nan=-np.inf), kind="stable")
    return order[~np.isnan(head.row_loss[order])][:_COUNT]


def worst_drawing(record: Record, name: str) -> Drawing | None:
    """The worst rows: number, loss, truth and prediction with the row's inputs; None without labels."""
    head = record.heads[name]
    places = worst(head)
    if not len(places):
        return None
    rows = ", ".join(str(int(head.rows[place])) for place in places)
    caption = f"The {len(places)} test rows with the highest loss of {name}, highest first."
    alt = f"The {len(places)} test rows that head {name} gets most wrong, with their inputs: rows {rows}."
    return Drawing(_draw_rows(head, places, record.inputs), caption + _notes(record.inputs), alt)


def _draw_rows(head: HeadResult, places: np.ndarray, inputs: dict[str, InputExamples]) -> Figure:
    beside = len(inputs) > 3  # so wide a row has its words at its left, else above
    room = max(_WORDS, 0 if beside else len(inputs) * _SIDE)
    captions = [_caption(head, place, room - _GAP) for place in places]
    spoken = max(map(len, captions)) * _LINE + 0.1
    across, down = (room, 0.0) if beside else (0.0, spoken)
    cell = room + (len(inputs) * _SIDE if beside else 0.0) + _GAP
    height = (max(_SIDE, spoken) if beside else down + (_SIDE if inputs else 0.0)) + 0.3
    columns = min(max(1, int(WIDTH / cell)), len(places))
    figure, axes = sheet(columns * cell + 2 * _MARGIN, -(-len(places) // columns) * height + _MARGIN)
    for index, place in enumerate(places):
        x, y = _MARGIN + (index % columns) * cell, _MARGIN + (index // columns) * height
        for line, text in enumerate(captions[index]):
            weight = "normal" if line else "bold"
            axes.text(x, y + (line + 0.5) * _LINE, text, fontsize=8, va="center", weight=weight)
        for order, (label, examples) in enumerate(inputs.items()):
            box = (x + across + order * _SIDE, y + down + 0.14, _SIDE - 0.06)
            axes.text(box[0], box[1] - 0.08, clean(label, 22), fontsize=7, color=GREY, va="center")
            _draw_input(axes, box, examples, int(place))
    return figure


def worst_table(record: Record, name: str) -> Table:
    """The same rows as text, with the words of text and table inputs in full."""
    head = record.heads[name]
    words = {
        key: values
        for examples in record.inputs.values()
        if examples.kind in ("text", "table")
        for key, values in examples.values.items()
    }
    rows: list[list[object]] = [
        [
            int(head.rows[place]),
            _truth(head, place, head.names),
            _guess(head, place, head.names),
            float(head.row_loss[place]),
            *(_value(values[place]) for values in words.values()),
        ]
        for place in worst(head)
    ]
    return Table(
        ["row", "true", "predicted", "loss", *words],
        rows,
        f"The rows that {name} gets most wrong.",
        show="folded",
    )


def _notes(inputs: dict[str, InputExamples]) -> str:
    notes = [
        f" {name}: lines over steps, each channel at its own scale."
        if examples.kind == "series" and not is_pen_path(next(iter(examples.values.values())))
        else f" {name}: the path of the pen, dark to light, grey where it is lifted."
        for name, examples in inputs.items()
        if examples.kind == "series"
    ]
    return "".join(notes)


def _caption(head: HeadResult, place: int, inches: float) -> list[str]:
    labels = class_labels(head.names, 18)
    if head.kind == "number" and len(labels) > 1:
        truth, guess = [], _columns_off(head, place, labels)
    else:
        truth = _short(wrap(f"true {_truth(head, place, labels)}", inches, 8))
        guess = _short(wrap(f"predicted {_guess(head, place, labels)}", inches, 8))
    return [
        f"row {int(head.rows[place])}, loss {number(float(head.row_loss[place]))}",
        *truth,
        *guess,
    ]


def _short(lines: list[str]) -> list[str]:
    return lines if len(lines) <= 3 else [*lines[:2], lines[2] + " …"]


def _columns_off(head: HeadResult, place: int, names: list[str]) -> list[str]:
    """Of several columns the four that are furthest off, each by the spread of its true values."""
    truth, guess = head.labels[place], head.outputs[place]
    off = np.abs(guess - truth) / (np.nanmax(head.labels, axis=0) - np.nanmin(head.labels, axis=0) + 1e-12)
    furthest = np.argsort(-np.nan_to_num(off), kind="stable")[:4]
    lines = ["true → predicted"]
    lines += [f"{names[c]} {number(float(truth[c]))} → {number(float(guess[c]))}" for c in furthest]
    return lines + [f"… {len(names) - 4} more"] * (len(names) > 4)


def _truth(head: HeadResult, place: int, names: list[str]) -> str:
    if head.kind == "category":
        return names[codes(head.labels[place : place + 1])[0]]
    return _columns(head, head.labels[place], names)


def _guess(head: HeadResult, place: int, names: list[str]) -> str:
    output = head.outputs[place]
    if head.kind == "category":
        return f"{names[output.argmax()]} ({output.max():.2f})"
    return _columns(head, output, names)


def _columns(head: HeadResult, values: np.ndarray, names: list[str]) -> str:
    if head.kind == "labels":
        return ", ".join(name for name, value in zip(names, values, strict=True) if value >= 0.5) or "none"
    if len(names) == 1:
        return number(float(values[0]))
    return ", ".join(f"{name} {number(float(value))}" for name, value in zip(names, values, strict=True))


def _draw_input(axes: Axes, box: Box, examples: InputExamples, place: int) -> None:
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
        text = _value(first[place])
        _draw_lines(axes, box, [] if text == _ABSENT else wrap(text, side - 0.08, _SMALL))
    elif examples.kind == "vector":
        _draw_lines(axes, box, [f"{column}  {_value(cell)}" for column, cell in enumerate(first[place])])
    else:
        names = [key.split(".", 1)[-1] for key in examples.values]
        values = [_value(column[place]) for column in examples.values.values()]
        _draw_lines(axes, box, [f"{name}  {value}" for name, value in zip(names, values, strict=True)])


def _draw_image(axes: Axes, box: Box, images: np.ndarray, place: int) -> None:
    image = images[place] if images.ndim == 4 else images[place][..., None]
    if image.dtype.kind == "f" and np.isnan(image).all():
        _draw_lines(axes, box, [])
        return
    pixels = _to_unit(image, images)
    pixels = pixels if pixels.shape[-1] in (3, 4) else pixels.mean(axis=-1)
    left, top, side = box
    height, width = pixels.shape[:2]
    across, down = side * width / max(height, width), side * height / max(height, width)
    x, y = left + (side - across) / 2, top + (side - down) / 2
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=(x, x + across, y + down, y), aspect="auto")


def _to_unit(image: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Pixels between 0 and 1: bytes by 255, floats by the range that all images keep to."""
    if image.dtype.kind in "ub":
        return image.astype(float) / (255 if image.dtype == np.uint8 else max(int(images.max()), 1))
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and 1 < high <= 255:
        low, high = 0.0, 255.0
    return np.nan_to_num((image.astype(float) - low) / ((high - low) or 1.0))


def is_pen_path(series: np.ndarray) -> bool:
    """Whether (rows, steps, channels) looks like x and y of a pen: two channels, all within 0 and 1."""
    known = series[np.isfinite(series)]
    return (
        series.ndim == 3
        and series.shape[-1] == 2
        and known.size > 0
        and known.min() >= 0
        and known.max() <= 1
    )


def _draw_series(axes: Axes, box: Box, series: np.ndarray, place: int) -> None:
    steps = series[place].astype(float).reshape(series.shape[1], -1)
    steps = steps[~np.isnan(steps).all(axis=1)]
    left, top, side = box
    if not len(steps):
        _draw_lines(axes, box, [])
    elif is_pen_path(series):
        _draw_pen(axes, steps * side + (left, top))
    else:
        low, high = np.nanmin(steps, axis=0), np.nanmax(steps, axis=0)
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
    segments = np.stack([points[:-1], points[1:]], axis=1)
    lengths = np.linalg.norm(points[1:] - points[:-1], axis=1)
    # Points of a stroke are evenly spaced; a long step is the pen moving through the air.
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
    signs = int((side - 0.06) * 72 / (0.6 * _SMALL))
    for place, line in enumerate(lines or ["missing"]):
        text, colour = clean(line, signs), INK if lines else GREY
        axes.text(
            left + 0.04,
            top + 0.03 + (place + 0.5) * spacing,
            text,
            fontsize=_SMALL,
            va="center",
            color=colour,
        )


def _value(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, np.generic):
        cell = cell.item()
    return _ABSENT if cell is None or cell == "" else number(cell)
