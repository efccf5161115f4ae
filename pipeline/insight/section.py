"""Flow and contribution as a section of the report."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline import flow_names
from pipeline.insight.contribution import ALL, Contribution, interactions
from pipeline.insight.sentences import History, mean
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import AMOUNT, DARK, INK, PALE, WIDTH, clean, plus_minus

Array = NDArray[np.float64]
MOST_SENTENCES = 6  # on the page; the others are folded
MOST_LINES = 200  # of a table on the page
MOST_ROWS = 24  # per heat map, those with the largest values; the history has them all


def insight_section(
    history: History,
    heads: Sequence[str],
    branches: Sequence[str],
    contributions: Sequence[Contribution],
    words: Sequence[str],
) -> Section | None:
    """Sentences, heat maps over the epochs, and the contributions; None if insight is off.

    Must be called inside `page.style.look`, with the names of heads and branches as its words.

    Args:
        words: the sentences.
    """
    figures = {
        "contribution": contribution_matrix(contributions),
        "flow": flow_maps(history, heads, branches),
    }
    tables = {
        "findings": _findings(words),
        "contribution": contribution_table(contributions),
        "interaction": interaction_table(contributions),
        "flow": flow_table(history, heads, branches),
    }
    drawn: dict[str, Figure | bytes | Drawing] = {
        name: drawing for name, drawing in figures.items() if drawing is not None
    }
    if not (drawn or words):
        return None
    filled = {name: table for name, table in tables.items() if table.rows}
    names = {*heads, *branches}
    return Section("Insight", [_sentence(text, names) for text in words[:MOST_SENTENCES]], drawn, filled)


def _findings(words: Sequence[str]) -> Table:
    """All sentences; no rows if the page shows them all anyway."""
    rows: list[list[object]] = [[text] for text in words] if len(words) > MOST_SENTENCES else []
    return Table(["finding"], rows, f"All {len(words)} findings.", "folded")


def _sentence(text: str, names: Collection[str]) -> str:
    """Begin with a capital and end with a full stop, but leave names as they are."""
    first = text if text.split()[0] in names else f"{text[:1].upper()}{text[1:]}"
    return f"{first}."


def flow_maps(history: History, heads: Sequence[str], branches: Sequence[str]) -> Drawing | None:
    """Heat maps over the epochs: sizes, shares and cosines of gradients, and changes of the weights."""
    pairs = [(head, branch) for head in heads for branch in branches]
    metrics = {
        "gradient on the branch's weights": {
            f"{head} → {branch}": flow_names.sent(head, branch, "_weights") for head, branch in pairs
        },
        "share of the branch's gradient": {
            f"{branch} ← {head}": flow_names.received(branch, head) for head, branch in pairs
        },
        "cosine of the heads' gradients": {
            f"{a} · {b}": flow_names.cosine(a, b) for a, b in combinations(heads, 2)
        },
        "change of the weights per epoch": flow_names.updated_parts(history),
    }
    maps = {title: _rows(history, names) for title, names in metrics.items()}
    maps = {title: rows for title, rows in maps.items() if rows}
    if not maps:
        return None
    heights = [max(1.2, 0.24 * len(rows) + 0.7) for rows in maps.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    grid = figure.subplots(len(maps), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (title, rows) in zip(grid, maps.items(), strict=True):
        _heat_map(figure, axes, title, rows)
    caption = (
        "Measured each epoch on a fixed probe of training rows. Gradients include the weights in force; a "
        "cosine below 0 means that the gradients of two heads conflict on the weights they share. Change: "
        "norm of the change over an epoch / norm of the weights. Zero has no colour; each scale reaches "
        "as far as its values. Hatched: not measured, as where a head does not reach a branch."
    )
    return Drawing(figure, caption, f"Heat maps over epochs: {', '.join(maps)}")


def contribution_matrix(contributions: Sequence[Contribution]) -> Drawing | None:
    """Points of skill lost without each branch: a row per head, a column per branch, darker for more."""
    shown = [
        one
        for one in contributions
        if one.how == "permuted" and one.branch != ALL and one.points == one.points
    ]
    if not shown:
        return None
    largest: dict[str, float] = {}
    for one in shown:
        largest[one.head] = max(largest.get(one.head, 0.0), abs(one.points))
    drawn = sorted(largest, key=lambda head: -largest[head])[:MOST_ROWS]
    heads = [head for head in largest if head in drawn]
    shown = [one for one in shown if one.head in drawn]
    branches = list(dict.fromkeys(one.branch for one in shown))
    points = np.full((len(heads), len(branches)), np.nan)
    width, height = 1.9 + 1.35 * len(branches), 0.9 + 0.42 * len(heads)
    figure = Figure(figsize=(min(width, WIDTH), height), layout="constrained")
    axes = figure.subplots()
    for one in shown:
        row, column = heads.index(one.head), branches.index(one.branch)
        points[row, column] = one.points
        dark = one.points > 100 * DARK
        text = plus_minus(one.points, one.points_spread)
        colour = "white" if dark else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=colour)
    axes.imshow(points, cmap=AMOUNT, norm=Normalize(0, 100), aspect="auto")
    axes.set_xticks(range(len(branches)), [clean(branch, 20) for branch in branches])
    axes.set_yticks(range(len(heads)), [clean(head, 30) for head in heads])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    caption = (
        "Points of skill that a head (row) loses on validation rows when a branch's input (column) is "
        "permuted across rows, ± standard deviation over the repeats. More than 100: without the branch the "
        "head is worse than a constant. Below 0: it is better without the branch."
    )
    if len(heads) < len(largest):
        caption += f" Only the {len(heads)} of {len(largest)} heads with the largest numbers are drawn."
    return Drawing(figure, caption, f"Points of skill that {', '.join(heads)} lose without each branch")


def flow_table(history: History, heads: Sequence[str], branches: Sequence[str]) -> Table:
    """Means over the epochs, one row per head and branch."""
    measures = {
        "gradient at output": "",
        "gradient on weights": "_weights",
        "share of the head's gradient": "_share",
    }
    rows: list[list[object]] = []
    for head in heads:
        for branch in branches:
            values = [mean(history, flow_names.sent(head, branch, word)) for word in measures.values()]
            values.append(mean(history, flow_names.received(branch, head)))
            if any(value == value for value in values):
                rows.append([head, branch, *values])
    caption = "Norms of the gradients on the probe, with the weights in force; means over the epochs."
    return Table(["head", "branch", *measures, "share of the branch's gradient"], rows, caption, _shown(rows))


def _shown(rows: list[list[object]]) -> Literal["folded", "file"]:
    """Very long tables are only files, so that the page stays small."""
    return "folded" if len(rows) <= MOST_LINES else "file"


def contribution_table(contributions: Sequence[Contribution]) -> Table:
    """One row per head, branch, and way of replacing the branch's input: permuted, or by its stand-in.

    The stand-in is the branch's learned output for a missing input, else its mean output.
    """
    rows: list[list[object]] = []
    heads = list(dict.fromkeys(one.head for one in contributions))
    for one in sorted(contributions, key=lambda one: heads.index(one.head)):
        metric = next((word for word in one.before if word not in ("loss", "skill")), "skill")
        numbers: list[object] = [one.points, one.points_spread]
        for word in ("skill", "loss", metric):
            numbers += [one.before.get(word, np.nan), one.after.get(word, np.nan)]
        rows.append([one.head, one.branch, one.how, *numbers[:6], metric, *numbers[6:]])
    columns = ["head", "branch", "how", "points lost", "±", "skill", "skill without", "loss", "loss without"]
    caption = (
        f"Contributions in full. {_rows_of(contributions)} Sanity check: with {ALL} permuted, a head should "
        "not beat a constant."
    )
    return Table([*columns, "metric", "value", "value without"], rows, caption, _shown(rows))


def interaction_table(contributions: Sequence[Contribution]) -> Table:
    """One row per head and pair of branches."""
    rows: list[list[object]] = [
        [one.head, one.first, one.second, one.points, one.spread] for one in interactions(contributions)
    ]
    caption = (
        "Interactions: points of skill a head loses when two inputs are permuted together, minus what it "
        "loses for each alone. Above 0: each can stand in for the other. Below 0: it needs both together. "
        "Less than twice the spread (±) is noise."
    )
    return Table(["head", "input", "and", "points", "±"], rows, caption, "folded")


def _rows_of(contributions: Sequence[Contribution]) -> str:
    """Says which rows were used; skills of a part of them differ from those of the whole split."""
    used, existing = contributions[0].rows if contributions else (0, 0)
    if used == existing:
        return "All validation rows."
    return (
        f"{used:,} of the {existing:,} validation rows, drawn at random: before any change, skills differ a "
        "little from those of all rows."
    )


def _rows(history: History, names: Mapping[str, str]) -> dict[str, Array]:
    rows = {title: np.array(history[name], float) for title, name in names.items() if name in history}
    rows = {title: values for title, values in rows.items() if np.isfinite(values).any()}
    largest = sorted(rows, key=lambda title: -np.nanmax(np.abs(rows[title])))[:MOST_ROWS]
    return {title: values for title, values in rows.items() if title in largest}


def _heat_map(figure: Figure, axes: Axes, title: str, rows: Mapping[str, Array]) -> None:
    values = np.stack(list(rows.values()))
    colours, norm = _scale(title, values)
    epochs = values.shape[1]
    # Shows through where nothing was measured.
    axes.patch.set(facecolor=PALE, hatch="////", edgecolor="white")
    image = axes.imshow(
        np.ma.masked_invalid(values),
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
    low, high = image.get_clim()
    # A low map has room for three ticks only.
    middle = float(norm.inverse(0.5)) if isinstance(norm, PowerNorm) else (low + high) / 2
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=[low, middle, high], format="%.2g")
    bar.minorticks_off()


def _scale(title: str, values: Array) -> tuple[str | Colormap, Normalize]:
    """Colours and their scale, which reaches as far as the values do; white is zero."""
    largest = float(np.nanmax(np.abs(values))) or 1.0
    if title.startswith("cosine"):
        return "PuOr", Normalize(-largest, largest)
    if title.startswith("share"):
        return AMOUNT, Normalize(0, largest)
    # Norms differ by orders of magnitude between epochs, and may be 0, of which there is no logarithm.
    return AMOUNT, PowerNorm(1 / 3, 0, largest)
