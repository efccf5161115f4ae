"""A diagram of the model: branches in columns, below them the fusion, and then the heads and losses."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import GREY, INK, clean, number, sheet, wrap
from pipeline.report.record import Part

# Greys, as colours mean something else in a report.
_FILL = {"input": "#ffffff", "branch": "#f3f3f3", "fusion": "#e6e6e6", "head": "#f3f3f3", "loss": "#ffffff"}
_POINTS, _LINE, _GAP, _MARGIN = 8.5, 0.16, 0.2, 0.15
_MOST_COLUMNS = 6  # of a table that are named
_MOST_LAYERS = 12  # drawn per part; the middle of a longer part is folded
_MOST_PARTS = 24  # side by side: of more the first ones are drawn

Box = tuple[str, list[str], list[str]]  # colour group, bold lines, plain lines


def model_section(parts: list[Part]) -> Section:
    """The diagram, and all layers as a CSV."""
    layers = Table(
        ["group", "part", "layer", "output shape", "parameters"],
        [[part.group, part.name, *layer] for part in parts for layer in part.layers],
        show="file",
    )
    return Section("Model", figures={"model": draw_model(parts)}, tables={"layers": layers})


def draw_model(parts: list[Part]) -> Drawing:
    """Draws each layer as a box; below the last layer of a head come its loss and weight."""
    groups = {
        group: [part for part in parts if part.group == group] for group in ("branch", "fusion", "head")
    }
    left_out = {group: len(found) - _MOST_PARTS for group, found in groups.items()}
    alt = _alt(groups, sum(parameters for part in parts for _, _, parameters in part.layers))
    groups = {group: found[:_MOST_PARTS] for group, found in groups.items()}
    columns = max(len(groups["branch"]), len(groups["head"]), 1)
    column = min(2.7, max(1.5, 10.5 / columns))
    width = max(columns * column, 5.4) + 2 * _MARGIN
    inner = column - 0.16
    branches = [_boxes(part, inner) for part in groups["branch"]]
    bars = [box for part in groups["fusion"] for box in _bars(part)] or [("fusion", ["no fusion"], [])]
    heads = [_boxes(part, inner) for part in groups["head"]]
    total = sum(parameters for part in parts for _, _, parameters in part.layers)
    tops = [0.62]
    for stacks in (branches, [bars], heads):
        tops.append(tops[-1] + max((_stack_height(stack) for stack in stacks), default=0.0) + 0.3)
    figure, axes = sheet(width, tops[-1] - 0.1)
    axes.text(_MARGIN, 0.25, f"{total:,} parameters", fontsize=11, weight="bold", va="center")
    _stacks(axes, branches, top=tops[0], column=column, width=width, until=tops[1])
    _bar_stack(axes, bars, top=tops[1], width=width, heads=len(heads))
    _stacks(axes, heads, top=tops[2], column=column, width=width, until=None)
    caption = (
        "Data flows from top to bottom. Each box shows a layer, its output shape and its parameters; layers "
        "side by side share a box. The last box of a head shows its loss and weight."
    )
    for group, plural in (("branch", "branches"), ("head", "heads")):
        if left_out[group] > 0:
            caption += f" {left_out[group]} more {plural} are not drawn; the file has their layers."
    return Drawing(figure, caption, alt)


def _alt(groups: dict[str, list[Part]], total: int) -> str:
    names = {group: ", ".join(part.name for part in parts) or "none" for group, parts in groups.items()}
    parts = "; ".join(f"{group}: {joined}" for group, joined in names.items())
    return f"Model of {total:,} parameters. {parts}"


def _boxes(part: Part, inner: float) -> list[Box]:
    boxes: list[Box] = [("", wrap(f"{part.group} {part.name}", inner, _POINTS + 1.5), [])]
    if part.source:
        named = [line for text in part.details[:_MOST_COLUMNS] for line in wrap(text, inner, _POINTS - 1)]
        more = len(part.details) - _MOST_COLUMNS
        boxes.append(("input", [part.source], named + ([f"… {more} more"] if more > 0 else [])))
    for label, shape, parameters in _folded(part.layers):
        details = wrap(shape, inner, _POINTS - 1) if shape else []
        details += [f"{parameters:,} parameters"] if parameters else []
        boxes.append((part.group, wrap(label, inner, _POINTS), details))
    if part.loss is not None:
        weight = [] if part.weight is None else [f"weight {number(float(part.weight))}"]
        boxes.append(("loss", wrap(part.loss, inner, _POINTS), weight))
    return boxes


def _bars(part: Part) -> list[Box]:
    texts = [
        "   ·   ".join(
            [clean(label, 60), clean(shape, 40), *([f"{parameters:,} parameters"] if parameters else [])]
        )
        for label, shape, parameters in _folded(part.layers)
    ]
    return [("fusion", [clean("fusion" if part.name == "fusion" else f"fusion {part.name}", 60)], texts)]


def _folded(layers: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    if len(layers) <= _MOST_LAYERS:
        return layers
    half = _MOST_LAYERS // 2
    folded = layers[half:-half]
    return [
        *layers[:half],
        (f"… {len(folded)} layers …", "", sum(layer[2] for layer in folded)),
        *layers[-half:],
    ]


def _height(box: Box) -> float:
    return (len(box[1]) + len(box[2])) * _LINE + (0.14 if box[0] else 0.0)


def _stack_height(stack: list[Box]) -> float:
    return sum(_height(box) + _GAP for box in stack) - _GAP


def _stacks(
    axes: Axes, stacks: list[list[Box]], *, top: float, column: float, width: float, until: float | None
) -> None:
    spread = (width - 2 * _MARGIN) / max(len(stacks), 1)
    for place, stack in enumerate(stacks):
        middle = _MARGIN + spread * (place + 0.5)
        y = top
        for index, box in enumerate(stack):
            _draw_box(axes, box, middle, y, column - 0.16)
            y += _height(box) + _GAP
            if index and index + 1 < len(stack):
                _arrow(axes, middle, y - _GAP, y)
        if until is not None:
            _arrow(axes, middle, y - _GAP, until)


def _bar_stack(axes: Axes, bars: list[Box], *, top: float, width: float, heads: int) -> None:
    y = top
    for place, bar in enumerate(bars):
        if place:
            _arrow(axes, width / 2, y - _GAP, y)
        _draw_box(axes, bar, width / 2, y, width - 2 * _MARGIN)
        y += _height(bar) + _GAP
    for head in range(heads):
        _arrow(axes, _MARGIN + (width - 2 * _MARGIN) * (head + 0.5) / heads, y - _GAP, y - _GAP + 0.3)


def _draw_box(axes: Axes, box: Box, middle: float, top: float, width: float) -> None:
    group, bold, plain = box
    if group:
        frame = FancyBboxPatch(
            (middle - width / 2 + 0.05, top + 0.05),
            width - 0.1,
            _height(box) - 0.1,
            boxstyle="round,pad=0.05",
            facecolor=_FILL[group],
            edgecolor=GREY,
            linewidth=1,
            linestyle="--" if group == "loss" else "-",
        )
        axes.add_patch(frame)
    y = top + (0.07 if group else 0.0)
    for line in bold:
        size = _POINTS if group else _POINTS + 1.5
        axes.text(
            middle, y + _LINE / 2, line, ha="center", va="center", fontsize=size, color=INK, weight="bold"
        )
        y += _LINE
    for line in plain:
        axes.text(middle, y + _LINE / 2, line, ha="center", va="center", fontsize=_POINTS - 1, color=INK)
        y += _LINE


def _arrow(axes: Axes, x: float, top: float, bottom: float) -> None:
    axes.annotate(
        "",
        xy=(x, bottom),
        xytext=(x, top),
        arrowprops={
            "arrowstyle": "-|>",
            "color": GREY,
            "lw": 1,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 9,
        },
    )
