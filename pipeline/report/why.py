"""What each part of each input added to the predictions of the worst rows, drawn over the inputs."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.labels import class_codes
from pipeline.page.elements import Drawing
from pipeline.page.style import COLOURS, GREY, INK, WIDTH, class_labels, clean, number
from pipeline.report.record import HeadResult, InputExamples, Record, Why
from pipeline.report.sketch import is_pen_path, to_unit

_BARS = 8  # columns of a table that are drawn
_WORDS = 40  # of a text
_HEIGHT = 2.3  # inches of a row
_LETTER = 0.075  # inches of a letter of a text
MAP = "PuOr_r"  # orange adds, purple takes away


def why_drawing(record: Record, name: str, why: Why) -> Drawing:
    """The worst rows of a head, with what each input added to the prediction."""
    head, inputs = record.heads[name], {key: record.inputs[key] for key in why.inputs}
    rows = len(why.places)
    figure = Figure(
        figsize=(min(WIDTH, max(5.5, 0.6 + 3.3 * len(inputs))), _HEIGHT * rows), layout="constrained"
    )
    grid = figure.subplots(rows, len(inputs), squeeze=False)
    for row in range(rows):
        for axes, (branch, examples) in zip(grid[row], inputs.items(), strict=True):
            parts = {part: values[row] for part, values in why.inputs[branch].items()}
            total = float(sum(np.sum(values) for values in parts.values()))
            _draw(axes, examples, int(why.places[row]), parts, why.words.get(branch, []), row)
            axes.set_title(f"{clean(branch, 22)} {number(total)}", fontsize=8.5)
        grid[row, 0].set_title(
            _heading(head, why, row) + "\n" + grid[row, 0].get_title(loc="left"), fontsize=8.5
        )
    caption = (
        f"What the inputs added to the prediction of {name} in the worst test rows, from the mean of the "
        "training rows on (integrated gradients); the number is the input's sum. Orange raises the explained "
        f"output, purple lowers it. The sums are exact within {100 * why.gap:.1f} %."
    )
    alt = f"Attributions of the inputs {', '.join(inputs)} in the worst test rows of head {name}."
    return Drawing(figure, caption, alt)


def _heading(head: HeadResult, why: Why, row: int) -> str:
    place = int(why.places[row])
    labels = class_labels(head.names, 18)
    if head.kind == "category":
        truth = labels[class_codes(head.labels[place : place + 1])[0]]
    else:
        truth = number(float(np.ravel(head.labels[place])[0]))
    # A class or a column; numbered where the other figures number it.
    explained = dict(zip(head.names, labels, strict=True)).get(why.explained[row]) or clean(
        why.explained[row], 18
    )
    values = f"{number(float(why.baselines[row]))} → {number(float(why.values[row]))}"
    return f"row {int(head.rows[place])}, {explained}: {values} (true {truth})"


def _draw(
    axes: Axes,
    examples: InputExamples,
    place: int,
    parts: dict[str, np.ndarray],
    words: list[list[str]],
    row: int,
) -> None:
    axes.grid(visible=False)
    if "pixels" in parts and examples.kind == "image":
        _image(axes, next(iter(examples.values.values())), place, parts["pixels"])
    elif "steps" in parts and examples.kind == "series":
        _series(axes, next(iter(examples.values.values())), place, parts["steps"])
    elif "words" in parts and examples.kind == "text":
        _text(axes, words[row], parts["words"], parts.get("letters"))
    else:
        _bars(axes, parts)


def _norm(values: np.ndarray) -> Any:
    largest = float(np.max(np.abs(values), initial=0.0)) or 1.0
    return TwoSlopeNorm(0.0, -largest, largest)


def _image(axes: Axes, images: np.ndarray, place: int, pixels: np.ndarray) -> None:
    image = images[place] if images.ndim == 4 else images[place][..., None]
    axes.axis("off")
    if image.dtype.kind == "f" and np.isnan(image).all():
        _missing(axes)
        return
    grey = to_unit(image, images).mean(axis=-1)
    strength = np.abs(pixels) / (np.max(np.abs(pixels), initial=0.0) or 1.0)
    axes.imshow(0.25 + 0.75 * grey, cmap="gray", vmin=0, vmax=1)
    axes.imshow(pixels, cmap=MAP, norm=_norm(pixels), alpha=np.sqrt(strength) * 0.9)


def _series(axes: Axes, series: np.ndarray, place: int, steps: np.ndarray) -> None:
    values = series[place].astype(float).reshape(series.shape[1], -1)
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        _missing(axes)
        return
    of_steps = steps[: len(values)].sum(axis=1)[known]
    if is_pen_path(series):
        x, y = values[known].T
        axes.plot(x, y, color="#dddddd", linewidth=0.8, zorder=1)
        axes.scatter(x, y, c=of_steps, cmap=MAP, norm=_norm(of_steps), s=14, linewidths=0, zorder=2)
        axes.set(aspect="equal", xticks=[], yticks=[])
        axes.invert_yaxis()
        return
    x = np.flatnonzero(known)
    for channel in range(values.shape[1]):
        axes.plot(x, values[known, channel], color=COLOURS[channel % len(COLOURS)], linewidth=0.9)
    low, high = axes.get_ylim()
    axes.imshow(
        of_steps[None],
        cmap=MAP,
        norm=_norm(of_steps),
        extent=(x[0] - 0.5, x[-1] + 0.5, low, high),
        alpha=0.6,
        aspect="auto",
    )


def _text(axes: Axes, words: list[str], values: np.ndarray, letters: np.ndarray | None) -> None:
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    if not words:
        _missing(axes)
        return
    colours, norm = _colours(), _norm(values)
    inches = axes.get_position(original=True).width * WIDTH
    x, y = 0.0, 0.9
    for word, value in list(zip(words, values.tolist(), strict=False))[:_WORDS]:
        shown = clean(word, 18)
        width = (_LETTER * len(shown) + 0.1) / inches
        if x + width > 1:
            x, y = 0.0, y - 0.13
        box = {"facecolor": colours(norm(value)), "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
        dark = abs(norm(value) - 0.5) > 0.35
        axes.text(x, y, shown, fontsize=8, bbox=box, color="white" if dark else INK)
        x += width
    if letters is not None:
        axes.text(
            0, max(0.0, y - 0.2), f"groups of letters {number(float(letters))}", fontsize=7.5, color=GREY
        )


def _bars(axes: Axes, parts: dict[str, np.ndarray]) -> None:
    largest = sorted(parts, key=lambda column: -abs(float(np.sum(parts[column]))))[:_BARS][::-1]
    values = np.array([float(np.sum(parts[column])) for column in largest])
    axes.barh(range(len(largest)), values, color=_colours()(_norm(values)(values)))
    axes.set_yticks(
        range(len(largest)), [clean(column.split(".", 1)[-1], 22) for column in largest], fontsize=7.5
    )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.tick_params(axis="x", labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(3))  # more would overlap beside five inputs


def _missing(axes: Axes) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, "missing", ha="center", va="center", color=GREY, transform=axes.transAxes)


def _colours() -> Any:
    import matplotlib

    return matplotlib.colormaps[MAP]
