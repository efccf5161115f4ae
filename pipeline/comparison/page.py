"""A comparison as an HTML page and as text for a terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.comparison.scores import BETTER
from pipeline.comparison.verdicts import Contender, Verdict, differing, rows_compared
from pipeline.page.elements import Drawing, Heading, Section, Table
from pipeline.page.style import COLOURS, GREY, INK, clean, look, number, panels
from pipeline.page.text_table import text_table
from pipeline.page.write import write_page

PAGE = "comparison.html"
MOST_RUNS = 40
METHOD = (
    "Each run is compared with the first one on the same rows, with a paired bootstrap over rows. The "
    "intervals of one head and metric hold jointly at 95 %. They show how much other rows would change the "
    "result, not how much another seed would: for that, repeat the runs with several seeds in a sweep."
)
COLOUR_OF = {"better": COLOURS[2], "worse": COLOURS[5], "within noise": GREY, "the same": GREY}


def write(folder: Path, runs: Sequence[Contender], verdicts: dict[str, list[Verdict]], command: str) -> None:
    """Writes `folder`/comparison.html with its figures and tables.

    Args:
        verdicts: those of each split.
    """
    with look(run.name for run in runs):
        sections = [_configs(runs)]
        for split, of_split in verdicts.items():
            sections.append(_split_section(split, of_split, runs[0].name, rows_compared(runs, split)))
        write_page(folder, Heading(f"Comparison with {runs[0].name}", METHOD, command), sections, PAGE)


def _configs(runs: Sequence[Contender]) -> Section:
    rows: list[list[object]] = [list(row) for row in differing(runs)]
    tables = {"configs": Table(["key", *(run.name for run in runs)], rows, "Config values that differ.")}
    ids: list[list[object]] = [[run.name, run.run_id] for run in runs]
    tables["runs"] = Table(["run", "id"], ids, "Run ids", "folded")
    return Section("Configs", [] if rows else ["The configs are the same."], tables=tables)


def _split_section(split: str, verdicts: Sequence[Verdict], first: str, rows: str) -> Section:
    heads = list(dict.fromkeys(verdict.head for verdict in verdicts))
    figures: dict[str, Figure | bytes | Drawing] = {
        f"{split}_{head}": _forest([one for one in verdicts if one.head == head], first, split)
        for head in heads
    }
    tables = {
        f"{split}_{head}": Table(
            ["run", "metric", "value", "95 % interval", "difference", "its 95 % interval", "verdict", "rows"],
            [_row(one, first) for one in verdicts if one.head == head],
            f"Head {head}, {split} rows. Difference: the value minus that of {first}.",
        )
        for head in heads
    }
    return Section(f"Results on {split} rows", [f"{rows.capitalize()}."], figures=figures, tables=tables)


def _row(one: Verdict, first: str) -> list[object]:
    return [
        one.run,
        one.metric,
        one.value.value,
        f"{number(one.value.low)} … {number(one.value.high)}",
        one.difference.value,
        f"{number(one.difference.low)} … {number(one.difference.high)}",
        "reference" if one.run == first else one.words(),
        one.rows,
    ]


def _forest(verdicts: Sequence[Verdict], first: str, split: str) -> Drawing:
    """One panel per metric: each run's difference from the first one, with its interval."""
    metrics = list(dict.fromkeys(one.metric for one in verdicts))
    others = list(dict.fromkeys(one.run for one in verdicts if one.run != first))[:MOST_RUNS]
    figure, grid = panels(len(metrics), height=0.34 * len(others) + 0.9, columns=2)
    for axes, metric in zip(grid, metrics, strict=True):
        shown = {one.run: one for one in verdicts if one.metric == metric}
        for row, run in enumerate(others):
            gap = shown[run].difference
            colour = COLOUR_OF[shown[run].words()]
            axes.plot([gap.low, gap.high], [row, row], color=colour, linewidth=2)
            axes.plot(gap.value, row, "o", color=colour, markersize=6)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set(yticks=range(len(others)), yticklabels=[clean(run, 30) for run in others])
        axes.set(ylim=(len(others) - 0.5, -0.5))
        better = "right" if BETTER[metric] > 0 else "left"
        axes.set_xlabel(f"difference in {metric} ({better} is better)")
        axes.grid(visible=False, axis="y")
        reach = max(abs(np.array(axes.get_xlim())))
        axes.set_xlim(-1.05 * reach, 1.05 * reach)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    head = verdicts[0].head
    caption = (
        f"Head {head}, {split} rows: difference of each run from {first}. "
        "Green: better, orange: worse, grey: within noise."
    )
    return Drawing(figure, caption, f"Head {head}: difference of each run from {first}")


def text(runs: Sequence[Contender], verdicts: Sequence[Verdict]) -> str:
    """The comparison for a terminal."""
    return "\n".join(_paragraphs(runs, verdicts))


def _paragraphs(runs: Sequence[Contender], verdicts: Sequence[Verdict]) -> Iterator[str]:
    rows = differing(runs)
    yield "config values that differ" if rows else "the configs are the same"
    if rows:
        yield text_table([["", *(run.name for run in runs)], *rows])
    for head in dict.fromkeys(one.head for one in verdicts):
        yield ""
        lines = [[f"head {head}", "run", "value", "95 % interval", "difference", "verdict"]]
        for one in (one for one in verdicts if one.head == head):
            gap = one.difference
            reference = one.run == runs[0].name
            lines.append(
                [
                    one.metric,
                    one.run,
                    number(one.value.value),
                    f"{number(one.value.low)} … {number(one.value.high)}",
                    "" if reference else f"{gap.value:+.3g} ({gap.low:+.3g} … {gap.high:+.3g})",
                    "reference" if reference else one.words(),
                ]
            )
        yield text_table(lines)
