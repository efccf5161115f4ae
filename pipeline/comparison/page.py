"""A comparison as an HTML page and as text for a terminal."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.comparison.leads import Lead, leads, opening
from pipeline.comparison.scores import BETTER, heads_of
from pipeline.comparison.verdicts import Contender, Verdict, differing, rows_compared, shared
from pipeline.metric_names import name_of
from pipeline.page.chart import Chart, Line, Plot, series
from pipeline.page.chart_figure import chart_figure
from pipeline.page.elements import Cell, Drawing, Heading, Section, Table
from pipeline.page.style import COLOURS, GREY, INK, clean, look, number, panels
from pipeline.page.text_table import text_table
from pipeline.page.write import write_page
from pipeline.terminal import terminal_width

PAGE = "comparison.html"
MOST_RUNS = 40
WIDE = 4  # runs whose names fit the head of a table; more are numbered
MOST_BESIDE = 4  # runs that are columns of a text table, however few the keys
METHOD = (
    "Below, each run is compared with the first one on the same rows, with a paired bootstrap over rows. The "
    "intervals of one head and metric hold jointly at 95 %. They show how much other rows would change the "
    "result, not how much another seed would: for that, repeat the runs with several seeds in a sweep."
)
COLOUR_OF = {"better": COLOURS[2], "worse": COLOURS[5], "within noise": GREY, "the same": GREY}


def write(folder: Path, runs: Sequence[Contender], verdicts: dict[str, list[Verdict]], command: str) -> None:
    """Writes `folder`/comparison.html with its figures and tables.

    Args:
        verdicts: those of each split; the first split is the one that decides.
    """
    decisive = next(iter(verdicts))
    found = leads(runs, decisive)
    with look(run.name for run in runs):
        sections = [_matrix_section(runs, found, decisive, folder), *_curves_section(runs), _configs(runs)]
        for split, of_split in verdicts.items():
            section = _split_section(split, of_split, runs[0].name, rows_compared(runs, split))
            section.paragraphs.extend([METHOD] if split == decisive else [])
            sections.append(section)
        note = opening(found, decisive, shared(runs, decisive))
        write_page(folder, Heading(f"Comparison of {len(runs)} runs", note, command), sections, PAGE)


def _matrix_section(runs: Sequence[Contender], found: Sequence[Lead], split: str, folder: Path) -> Section:
    """One table of all runs and heads, coloured by what a run is compared with the best one."""
    rows: list[list[object]] = []
    for name, run in zip(_numbered(runs), runs, strict=True):
        rows.append([Cell(name, _link(run.address, folder)), *(_cell(lead, run.name) for lead in found)])
    columns = [
        "run",
        *(f"{lead.head} {lead.metric} {'↑' if BETTER[lead.metric] > 0 else '↓'}" for lead in found),
    ]
    caption = (
        f"Means over {split} rows. Bold: the best run of a head; orange: worse than it, beyond noise; grey: "
        "within noise of it (95 %, jointly for all pairs of runs). ↑: larger is better, ↓: smaller is. Hover "
        "over a number for its distance to the best."
    )
    return Section("Runs and heads", tables={"runs": Table(columns, rows, caption, matrix=True)})


def _cell(lead: Lead, run: str) -> Cell:
    if run not in lead.values:
        return Cell(float("nan"))
    gap = lead.gaps.get(run)
    hint = f"{gap.value:+.3g} compared with {lead.best} ({gap.low:+.3g} … {gap.high:+.3g})" if gap else "best"
    return Cell(lead.values[run], tone=lead.tone(run), hint=hint)


def _link(address: str, folder: Path) -> str:
    """An address as a link of a page in a folder: files relative to it, so that both can be moved."""
    if not address or address.startswith(("http://", "https://")):
        return address
    return quote(Path(os.path.relpath(address, folder.resolve())).as_posix())


def _curves_section(runs: Sequence[Contender]) -> Iterator[Section]:
    """The validation skill over the epochs: of all heads together, and of each head."""
    heads = dict.fromkeys(
        head for run in runs for frame in run.predictions.values() for head in heads_of(frame)
    )
    plots = []
    for head in (None, *heads):
        metric = name_of("val", head, "skill")
        lines = [
            Line(run.name, run.history[metric], **series(place))
            for place, run in enumerate(runs)
            if metric in run.history
        ]
        if lines:
            plots.append(Plot(head or "mean of the heads", lines, "epoch"))
    if plots:
        chart = Chart(plots)
        caption = "Validation skill of each run after each epoch."
        alt = f"Validation skill over epochs of {', '.join(run.name for run in runs)}"
        drawing = Drawing(chart_figure(chart, height=2.4), caption, alt, chart)
        yield Section("Learning curves", figures={"curves": drawing})


def _configs(runs: Sequence[Contender]) -> Section:
    numbers = len(runs) > WIDE
    names = _numbered(runs)
    titles = [str(place) for place in range(1, len(runs) + 1)] if numbers else names
    columns, *rows = _differences(runs, titles, names, ("key", "run"))
    caption = "Config values that differ." + (" The runs are numbered as in the first table." * numbers)
    upright = numbers and len(columns) > len(runs)
    tables = {"configs": Table(columns, list(map(list, rows)), caption, matrix=upright)}
    ids: list[list[object]] = [[run.name, run.run_id] for run in runs]
    tables["ids"] = Table(["run", "id"], ids, "Run ids", "folded")
    return Section("Configs", [] if rows else ["The configs are the same."], tables=tables)


def _numbered(runs: Sequence[Contender]) -> list[str]:
    """The names of the runs, with their numbers if there are many."""
    return [
        f"{place} {run.name}" if len(runs) > WIDE else run.name for place, run in enumerate(runs, start=1)
    ]


def _differences(
    runs: Sequence[Contender], titles: list[str], names: list[str], words: tuple[str, str]
) -> list[list[str]]:
    """The config values that differ: a line per key below `titles`, or per run, with `names`, of many runs.

    `words` are the titles of the first column in the first and the second form.
    """
    rows = differing(runs)
    if not rows or len(runs) <= max(MOST_BESIDE, len(rows)):
        return [[words[0], *titles], *rows]
    keys, *values = map(list, zip(*rows, strict=True))
    return [[words[1], *keys], *([name, *line] for name, line in zip(names, values, strict=True))]


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
            "folded",
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
    names = [run.name for run in runs]
    differences = _differences(runs, names, names, ("", ""))
    yield "config values that differ" if differences[1:] else "the configs are the same"
    if differences[1:]:
        yield text_table(differences, terminal_width(sys.stdout))
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
        yield text_table(lines, terminal_width(sys.stdout))
