"""The test rows with the highest loss of a head, drawn with their inputs."""

import numpy as np
from matplotlib.figure import Figure

from pipeline.labels import class_codes
from pipeline.page.elements import Drawing, Table
from pipeline.page.style import GREY, WIDTH, class_labels, clean, number, numbered, sheet, wrap
from pipeline.report.record import HeadResult, InputExamples, Record
from pipeline.report.sketch import draw_input, is_pen_path, value_text

_MOST_ROWS = 12  # drawn
_MANY_HEADS, _FEW_ROWS = 8, 6  # drawn; with more heads, fewer rows of each keep the page small
_MOST_INPUTS, _FEWER_ROWS = 6, 4  # drawn; with more inputs, fewer rows keep the page small
_TABLE_ROWS, _TABLE_CELLS = 50, 450  # of the table that can be sorted
_SIDE, _GAP, _LINE, _MARGIN, _TEXT = 1.22, 0.1, 0.155, 0.1, 1.62  # inches


def worst(head: HeadResult, count: int = _MOST_ROWS) -> np.ndarray:
    """Indices (not row numbers) of up to `count` labelled test rows, highest loss first."""
    order = np.argsort(-np.nan_to_num(head.row_loss, nan=-np.inf), kind="stable")
    return order[~np.isnan(head.row_loss[order])][:count]


def worst_drawing(record: Record, name: str) -> Drawing | None:
    """The worst rows with their loss, label, prediction and inputs; None if no row is labelled."""
    head, inputs = record.heads[name], _drawn_inputs(record.inputs)
    few = len(inputs) < len(record.inputs)
    many = len(record.heads) > _MANY_HEADS
    places = worst(head, _FEWER_ROWS if few else _FEW_ROWS if many else _MOST_ROWS)
    if not len(places):
        return None
    rows = ", ".join(str(int(head.rows[place])) for place in places)
    caption = f"The {len(places)} test rows with the highest loss of {name}, highest first."
    alt = f"The {len(places)} test rows with the highest loss of head {name}, with their inputs: rows {rows}."
    if len(inputs) < len(record.inputs):
        caption += f" Only {len(inputs)} of {len(record.inputs)} inputs are drawn."
    figure = _draw_rows(head, places, inputs)
    return Drawing(figure, caption + _notes(inputs), alt, photo=True, folded=True)


def _drawn_inputs(inputs: dict[str, InputExamples]) -> dict[str, InputExamples]:
    """Up to 6 inputs: images and series first, as the table shows the others in full."""
    first = sorted(inputs, key=lambda name: inputs[name].kind not in ("image", "series"))[:_MOST_INPUTS]
    return {name: inputs[name] for name in inputs if name in first}


def _draw_rows(head: HeadResult, places: np.ndarray, inputs: dict[str, InputExamples]) -> Figure:
    beside = len(inputs) > 3  # then the text goes to the left of the inputs, not above them
    room = max(_TEXT, 0 if beside else len(inputs) * _SIDE)
    captions = [_caption(head, place, room - _GAP) for place in places]
    text = max(map(len, captions)) * _LINE + 0.1
    across, down = (room, 0.0) if beside else (0.0, text)
    cell = room + (len(inputs) * _SIDE if beside else 0.0) + _GAP
    height = (max(_SIDE, text) if beside else down + (_SIDE if inputs else 0.0)) + 0.3
    columns = min(max(1, int(WIDTH / cell)), len(places))
    figure, axes = sheet(columns * cell + 2 * _MARGIN, -(-len(places) // columns) * height + _MARGIN)
    for index, place in enumerate(places):
        x, y = _MARGIN + (index % columns) * cell, _MARGIN + (index // columns) * height
        for row, line in enumerate(captions[index]):
            weight = "normal" if row else "bold"
            axes.text(x, y + (row + 0.5) * _LINE, line, fontsize=8, va="center", weight=weight)
        for order, (label, examples) in enumerate(inputs.items()):
            box = (x + across + order * _SIDE, y + down + 0.14, _SIDE - 0.06)
            axes.text(box[0], box[1] - 0.08, clean(label, 22), fontsize=7, color=GREY, va="center")
            draw_input(axes, box, examples, int(place))
    return figure


def worst_table(record: Record, name: str) -> Table:
    """These rows and up to 50 in all as a table, with text and table inputs in full."""
    head = record.heads[name]
    words = {
        key: values
        for examples in record.inputs.values()
        if examples.kind in ("text", "table")
        for key, values in examples.values.items()
    }
    count = max(_MOST_ROWS, min(_TABLE_ROWS, _TABLE_CELLS // (4 + len(words))))
    rows: list[list[object]] = [
        [
            int(head.rows[place]),
            _truth(head, place, numbered(head.names)),
            _guess(head, place, numbered(head.names)),
            float(head.row_loss[place]),
            *(value_text(values[place]) for values in words.values()),
        ]
        for place in worst(head, count)
    ]
    return Table(
        ["row", "true", "predicted", "loss", *words],
        rows,
        f"The {len(rows)} test rows with the highest loss of {name}, to be sorted by any column.",
        show="folded",
    )


def _notes(inputs: dict[str, InputExamples]) -> str:
    notes = [
        f" {name}: one line per channel over the steps, each on its own scale."
        if examples.kind == "series" and not is_pen_path(next(iter(examples.values.values())))
        else f" {name}: the pen's path from dark to light, grey where the pen is lifted."
        for name, examples in inputs.items()
        if examples.kind == "series"
    ]
    return "".join(notes)


def _caption(head: HeadResult, place: int, inches: float) -> list[str]:
    labels = class_labels(head.names, 18)
    if head.kind == "number" and len(labels) > 1:
        truth, guess = [], _worst_columns(head, place, labels)
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


def _worst_columns(head: HeadResult, place: int, names: list[str]) -> list[str]:
    """The four columns with the largest errors, relative to the spread of their true values."""
    truth, guess = head.labels[place], head.outputs[place]
    spread = np.ma.masked_invalid(head.labels).std(axis=0).filled(1.0)
    error = np.abs(guess - truth) / np.where(spread > 0, spread, 1.0)
    largest = np.argsort(-np.nan_to_num(error), kind="stable")[:4]
    lines = ["true → predicted"]
    lines += [f"{names[c]} {number(float(truth[c]))} → {number(float(guess[c]))}" for c in largest]
    return lines + [f"… {len(names) - 4} more"] * (len(names) > 4)


def _truth(head: HeadResult, place: int, names: list[str]) -> str:
    if head.kind == "category":
        return names[class_codes(head.labels[place : place + 1])[0]]
    return _columns(head, head.labels[place], names)


def _guess(head: HeadResult, place: int, names: list[str]) -> str:
    output = head.outputs[place]
    if head.kind == "category":
        return f"{names[output.argmax()]} ({output.max():.2f})"
    if head.kind == "labels":
        return _columns(head, output > head.limits(), names)
    return _columns(head, output, names)


def _columns(head: HeadResult, values: np.ndarray, names: list[str]) -> str:
    if head.kind == "labels":
        return ", ".join(name for name, value in zip(names, values, strict=True) if value >= 0.5) or "none"
    if len(names) == 1:
        return number(float(values[0]))
    return ", ".join(f"{name} {number(float(value))}" for name, value in zip(names, values, strict=True))
