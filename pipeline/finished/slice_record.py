"""Slices on the evaluation's page and on the terminal."""

import sys
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import TwoSlopeNorm

from pipeline.finished.slicing import Slice
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import INK, clean, look, number, panels
from pipeline.page.text_table import text_table
from pipeline.terminal import terminal_width

MOST_NAMED = 8  # worse slices in sentences
SHOWN = 12  # on the terminal
MOST_DRAWN = 60  # groups of the figure
METHOD = (
    "Permutation tests of the mean loss against all other rows, corrected for {tests} by Holm's method: "
    "without any real difference, a slice is named here in at most 5 of 100 evaluations."
)


def findings(slices: Sequence[Slice]) -> list[str]:
    """Return a sentence per slice that is worse beyond chance, or one that there is none; then the method."""
    tested = [one for one in slices if one.gap]
    found = [
        f"head {one.head} is worse on {one.name}: loss {number(one.gap.loss)} against "
        f"{number(one.gap.rest)} elsewhere ({one.labelled:,} rows, corrected p {_p(one.gap.adjusted)})"
        for one in tested
        if one.gap and one.worse
    ]
    more = len(found) - MOST_NAMED
    if more > 0:
        found = [*found[:MOST_NAMED], f"{more:,} more pairs of slice and head are worse, see the table"]
    none = ["no slice is worse than the other rows beyond chance"] if tested else []
    left = len(slices) - len(tested)
    few = "1 pair of slice and head has" if left == 1 else f"{left:,} pairs of slice and head have"
    untested = [f"{few} too few labelled rows for a test"] if left else []
    tests = "1 test" if len(tested) == 1 else f"{len(tested):,} tests"
    return [*(found or none), *untested, *([METHOD.format(tests=tests)] if tested else [])]


def slice_text(slices: Sequence[Slice]) -> str:
    """Return the worst slices as a table, and the findings."""
    lines = [["slice", "head", "rows", "loss", "95 %", "other rows", "corrected p"], *_worst(slices)]
    more = len(slices) - SHOWN
    rest = [f"({more:,} more, with all metrics, on the page and in tables/slices.csv)"] if more > 0 else []
    return "\n".join(["", text_table(lines, terminal_width(sys.stdout)), *rest, *findings(slices)])


def _worst(slices: Sequence[Slice]) -> list[list[str]]:
    lines = []
    for one in slices[:SHOWN]:
        loss = one.metrics.get("loss")
        lines.append(
            [
                one.name,
                one.head,
                f"{one.labelled:,}",
                number(loss.value) if loss else "–",
                f"{number(loss.low)} … {number(loss.high)}" if loss and loss.low == loss.low else "",
                number(one.gap.rest) if one.gap else "–",
                _p(one.gap.adjusted) if one.gap else "too few rows",
            ]
        )
    return lines


def slice_card(slices: Sequence[Slice], command: str, rows: int) -> str:
    """Return the worst slices as Markdown for the model card.

    Args:
        command: that measured them.
        rows: number of evaluated rows.
    """
    lines = ["| slice | head | rows | loss | 95 % | other rows | corrected p |", "| --- " * 7 + "|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in _worst(slices)]
    shown = min(SHOWN, len(slices))
    said = ". ".join(f"{sentence[:1].upper()}{sentence[1:]}".rstrip(".") for sentence in findings(slices))
    return (
        f"The worst {shown} of {len(slices)} pairs of slice and head, on {rows:,} rows, by `{command}`.\n\n"
        + "\n".join(lines)
        + f"\n\n{said}."
    )


def slice_section(slices: Sequence[Slice]) -> Section:
    """Return the section with a figure of heads x groups, and a table of all metrics per head."""
    with look([word for one in slices for word in (one.by, one.group, one.head)]):
        figures = {"slices": _drawing(slices)} if any(one.gap for one in slices) else {}
    heads = dict.fromkeys(one.head for one in slices)
    tables = {"slices": _long_table(slices)}
    tables |= {f"slices_{head}": _head_table(head, slices) for head in heads}
    paragraphs = [f"{sentence[:1].upper()}{sentence[1:]}".rstrip(".") + "." for sentence in findings(slices)]
    return Section("Slices", paragraphs, {**figures}, tables)


def _head_table(head: str, slices: Sequence[Slice]) -> Table:
    """All metrics of a head, a line per slice."""
    of_head = [one for one in slices if one.head == head]
    words = list(dict.fromkeys(word for one in of_head for word in one.metrics))
    rows: list[list[object]] = [
        [
            one.name,
            one.labelled,
            *(_cell(one, word) for word in words),
            _p(one.gap.adjusted) if one.gap else "–",
            "worse" if one.worse else "",
        ]
        for one in of_head
    ]
    caption = f"Head {head} per slice, worst first; in brackets 95 % bootstrap intervals."
    return Table(["slice", "rows", *words, "corrected p", ""], rows, caption, "folded")


def _cell(one: Slice, word: str) -> str:
    found = one.metrics.get(word)
    if found is None:
        return "–"
    bounds = "" if np.isnan(found.low) else f" ({number(found.low)} … {number(found.high)})"
    return f"{number(found.value)}{bounds}"


def _long_table(slices: Sequence[Slice]) -> Table:
    """Every metric of every slice and head, one per row, for other programs."""
    columns = ["by", "group", "head", "rows", "labelled", "metric", "value", "low", "high"]
    columns += ["rest_loss", "p", "corrected_p", "worse"]
    rows: list[list[object]] = [
        [
            *(one.by, one.group, one.head, one.rows, one.labelled, word, *found),
            *((one.gap.rest, one.gap.p, one.gap.adjusted) if one.gap else ("", "", "")),
            one.worse,
        ]
        for one in slices
        for word, found in one.metrics.items()
    ]
    return Table(columns, rows, show="file")


def _drawing(slices: Sequence[Slice]) -> Drawing:
    """Groups by heads: the loss in numbers, and by colour how far it is from that of the other rows."""
    heads = list(dict.fromkeys(one.head for one in slices))
    tested = list(dict.fromkeys(one.name for one in slices if one.gap))
    names = tested[:MOST_DRAWN]
    effects = np.full((len(names), len(heads)), np.nan)
    figure, (axes,) = panels(1, height=0.3 * len(names) + 0.7, width=min(10.5, 3.6 + 1.5 * len(heads)))
    for one in slices:
        if one.name in names and one.gap:
            row, column = names.index(one.name), heads.index(one.head)
            effects[row, column] = one.gap.effect
            mark = " ▲" if one.worse else ""
            axes.text(column, row, f"{number(one.gap.loss)}{mark}", ha="center", va="center", fontsize=8)
    reach = max(float(np.nanmax(np.abs(effects))), 0.1)
    image = axes.imshow(effects, aspect="auto", cmap="PuOr_r", norm=TwoSlopeNorm(0, -reach, reach), alpha=0.7)
    axes.set(xticks=range(len(heads)), yticks=range(len(names)))
    axes.set_xticklabels([clean(head, 18) for head in heads])
    axes.set_yticklabels([clean(name, 40) for name in names], color=INK)
    axes.xaxis.tick_top()
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="difference", shrink=0.8)
    caption = (
        "Mean loss of each slice and head. Orange: larger than on the other rows, violet: smaller, in "
        "standard deviations of a row's loss; ▲: worse beyond chance. Slices are sorted, worst first; empty "
        "or left out: too few labelled rows."
    )
    if len(tested) > len(names):
        caption += f" Only the first {len(names)} are drawn."
    return Drawing(figure, caption, "Mean loss per slice and head.")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
