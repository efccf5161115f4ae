"""Flow and contribution as a part of the report."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.insight.contribution import ALL, Contribution
from pipeline.insight.sentences import History, mean
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import COLOUR_MAP, COLOURS, INK, WIDTH, clean, panels

Array = NDArray[np.float64]
# Rows of a heat map from which only the largest are drawn; the history has them all.
MOST_ROWS = 24


def insight_section(
    history: History,
    heads: Sequence[str],
    branches: Sequence[str],
    found: Sequence[Contribution],
    words: Sequence[str],
) -> Section | None:
    """Sentences, heat maps over the epochs, and the contributions; None where nothing was looked at.

    To be called inside `report.style.look`, with the names as its words.
    """
    figures = {"flow": flow_maps(history, heads, branches), "contribution": contribution_bars(found)}
    tables = {"flow": flow_table(history, heads, branches), "contribution": contribution_table(found)}
    drawn: dict[str, Figure | bytes | Drawing] = {
        name: drawing for name, drawing in figures.items() if drawing is not None
    }
    if not (drawn or words):
        return None
    listed = {name: table for name, table in tables.items() if table.rows}
    return Section("Insight", list(words), drawn, listed)


def flow_maps(history: History, heads: Sequence[str], branches: Sequence[str]) -> Drawing | None:
    """Heat maps over epochs: sizes, shares received, cosines, and how far the parts move."""
    pairs = [(head, branch) for head in heads for branch in branches]
    wanted = {
        "gradient on the branch's weights": {
            f"{head} → {branch}": f"flow/{head}_to_{branch}_weights" for head, branch in pairs
        },
        "share of what moves the branch": {
            f"{branch} ← {head}": f"flow/{branch}_from_{head}" for head, branch in pairs
        },
        "cosine of the heads": {f"{a} · {b}": f"flow/cos_{a}_{b}" for a, b in combinations(heads, 2)},
        "change of the weights an epoch": {
            name.removeprefix("flow/update_"): name for name in history if name.startswith("flow/update_")
        },
    }
    maps = {title: _rows(history, names) for title, names in wanted.items()}
    maps = {title: rows for title, rows in maps.items() if rows}
    if not maps:
        return None
    heights = [max(1.2, 0.24 * len(rows) + 0.7) for rows in maps.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    grid = figure.subplots(len(maps), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (title, rows) in zip(grid, maps.items(), strict=True):
        _heat_map(figure, axes, title, rows)
    caption = (
        "Each epoch on a fixed probe of training rows. Sizes carry the weights in force; below 0 a cosine "
        "means that two heads pull apart on what they share. Change: norm of an epoch's change / norm of all "
        "weights."
    )
    return Drawing(figure, caption, f"Heat maps over epochs: {', '.join(maps)}")


def contribution_bars(found: Sequence[Contribution]) -> Drawing | None:
    """Points of skill lost, a panel for each head and a pair of bars for each branch."""
    shown = [one for one in found if one.branch != ALL and one.points == one.points]
    heads = list(dict.fromkeys(one.head for one in shown))
    if not heads:
        return None
    branches = list(dict.fromkeys(one.branch for one in shown))
    figure, grid = panels(len(heads), height=0.45 * len(branches) + 0.9)
    for axes, head in zip(grid, heads, strict=True):
        for shift, how, colour in ((-0.2, "permuted", COLOURS[0]), (0.2, "stand-in", COLOURS[1])):
            own = [one for one in shown if one.head == head and one.how == how]
            places = [branches.index(one.branch) + shift for one in own]
            spread = [one.points_spread for one in own]
            axes.barh(
                places, [one.points for one in own], 0.38, xerr=spread, color=colour, ecolor=INK, label=how
            )
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(title=clean(head, 30), xlabel="points of skill lost")
        axes.set(yticks=range(len(branches)), yticklabels=[clean(branch, 20) for branch in branches])
        axes.grid(visible=False, axis="y")
        axes.invert_yaxis()
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    caption = (
        "What a head loses on the validation rows when a branch's input is permuted across rows (line: "
        "standard deviation over the repeats), or replaced by its stand-in: what the branch gives for a "
        "missing input, else its mean output."
    )
    return Drawing(figure, caption, f"Points of skill that {', '.join(heads)} lose without each branch")


def flow_table(history: History, heads: Sequence[str], branches: Sequence[str]) -> Table:
    """Means over the epochs, one row per head and branch."""
    words = {"size at output": "", "size on weights": "_weights", "share of the head's": "_share"}
    rows: list[list[object]] = []
    for head in heads:
        for branch in branches:
            values = [mean(history, f"flow/{head}_to_{branch}{word}") for word in words.values()]
            values.append(mean(history, f"flow/{branch}_from_{head}"))
            if any(value == value for value in values):
                rows.append([head, branch, *values])
    caption = "Gradients on the probe, weighted; means over the epochs."
    return Table(["head", "branch", *words, "share of the branch's"], rows, caption)


def contribution_table(found: Sequence[Contribution]) -> Table:
    """One row per head, branch and way of taking it away."""
    rows: list[list[object]] = []
    for one in sorted(found, key=lambda one: one.head):
        metric = next((word for word in one.before if word not in ("loss", "skill")), "skill")
        numbers: list[object] = [one.points, one.points_spread]
        for word in ("skill", "loss", metric):
            numbers += [one.before.get(word, np.nan), one.after.get(word, np.nan)]
        rows.append([one.head, one.branch, one.how, *numbers[:6], metric, *numbers[6:]])
    columns = ["head", "branch", "how", "points lost", "±", "skill", "skill without", "loss", "loss without"]
    caption = f"Validation rows. {ALL}: the check, a head should know nothing then."
    return Table([*columns, "metric", "value", "value without"], rows, caption)


def _rows(history: History, names: Mapping[str, str]) -> dict[str, Array]:
    found = {title: np.array(history[name], float) for title, name in names.items() if name in history}
    found = {title: values for title, values in found.items() if np.isfinite(values).any()}
    largest = sorted(found, key=lambda title: -np.nanmax(np.abs(found[title])))[:MOST_ROWS]
    return {title: values for title, values in found.items() if title in largest}


def _heat_map(figure: Figure, axes: Axes, title: str, rows: Mapping[str, Array]) -> None:
    values = np.stack(list(rows.values()))
    colours, norm = _scale(title, values)
    epochs = values.shape[1]
    image = axes.imshow(
        values,
        cmap=colours,
        norm=norm,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, epochs + 0.5, len(rows) - 0.5, -0.5),
    )
    axes.set(
        yticks=range(len(rows)), yticklabels=[clean(name, 34) for name in rows], title=title, xlabel="epoch"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    axes.grid(visible=False)
    # Three marks: a low map has no room for those of a logarithm.
    between = np.geomspace if isinstance(norm, LogNorm) else np.linspace
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=between(*image.get_clim(), 3), format="%.2g")
    bar.minorticks_off()


def _scale(title: str, values: Array) -> tuple[str, Normalize]:
    if title.startswith("cosine"):
        return "RdBu", Normalize(-1, 1)
    if title.startswith("share"):
        return COLOUR_MAP, Normalize(0, 1)
    above = values[np.isfinite(values) & (values > 0)]
    low, high = (float(above.min()), float(above.max())) if len(above) else (0.1, 1.0)
    return COLOUR_MAP, LogNorm(low, max(high, low * 1.01))
