"""Sets and intervals in the report: how often they hold the truth, overall and for parts of the test rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline.conformal import METHODS
from pipeline.job.intervals import Intervals
from pipeline.job.job import Job
from pipeline.job.results import Results
from pipeline.labels import class_codes
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import COLOURS, GREY, INK, clean, enumerated, look, panels
from pipeline.slices.groups import MISSING, Grouping, by_number, by_value

Array = NDArray[Any]
Group = tuple[str, int, float, float]  # name, labelled rows, coverage, mean size
MOST_GROUPS = 40  # of one head in the figure
BINS = 5  # of predicted numbers
NORMAL = 1.959964  # 97.5 % quantile
NONE = (
    "This run has none. Sets of classes and intervals that hold the truth with a given probability need rows "
    "that neither train nor choose the kept epoch: conformal.calibration=0.5 sets half of the validation "
    "rows aside."
)


def interval_section(job: Job, results: Results) -> Section:
    """Return the section on sets and intervals; without calibration rows it says how to get them."""
    found = results.intervals
    if found is None:
        return Section("Sets and intervals", [NONE])
    heads = [head for head in found.calibration.heads if not np.isnan(found.covered[head]).all()]
    groups = {head: list(_groups(job, results, found, head)) for head in heads}
    with look([word for rows in groups.values() for word, *_ in rows]):
        figures = {"coverage": _drawing(groups, found.calibration.level)} if heads else {}
    tables = {"intervals": _table(job, found)}
    tables |= {f"coverage_{head}": _group_table(head, found, groups[head]) for head in heads}
    return Section("Sets and intervals", _paragraphs(found), {**figures}, tables)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of rows (Wilson 1927)."""
    centre = (share + NORMAL**2 / (2 * rows)) / (1 + NORMAL**2 / rows)
    reach = NORMAL / (1 + NORMAL**2 / rows) * np.sqrt(share * (1 - share) / rows + NORMAL**2 / (4 * rows**2))
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))


def _paragraphs(found: Intervals) -> list[str]:
    level = f"{100 * found.calibration.level:g} %"
    promise = (
        f"Split conformal prediction at {level}, fitted on calibration rows that neither trained nor chose "
        "the kept epoch. If new rows are like these, the sets and intervals hold the truth in at least "
        f"{level} of all rows, however good the model is; not in every class or slice."
    )
    by_method: dict[str, list[str]] = {}
    for head, name in found.calibration.methods.items():
        by_method.setdefault(name, []).append(head)
    methods = [
        f"Head{'s' * (len(heads) > 1)} {enumerated(heads)}: {METHODS[name].sentence}."
        for name, heads in by_method.items()
    ]
    few = [
        f"Head {head} has too few calibration rows ({found.calibration.rows(head):,}) for this level."
        for head in found.calibration.methods
        if found.calibration.too_few(head)
    ]
    return [promise, *methods, *few]


def _table(job: Job, found: Intervals) -> Table:
    rows: list[list[object]] = []
    for head in found.calibration.heads:
        covered, calibration = found.covered[head], found.calibration
        tested = int((~np.isnan(covered)).sum())
        share = float(np.nanmean(covered)) if tested else float("nan")
        low, high = wilson(share, tested) if tested else (share, share)
        sizes = found.regions["test"][head].sizes()[~np.isnan(covered)]
        size = float(sizes.mean()) if tested else float("nan")
        word = METHODS[calibration.methods[head]].size_word.replace("_", " ")
        rows.append([head, calibration.rows(head), tested, share, low, high, size, f"mean {word}"])
    columns = ["head", "calibration rows", "test rows", "coverage", "low", "high", "size", ""]
    caption = (
        "Share of the test rows whose truth is inside, with its 95 % interval. For yes and no, the "
        "calibration rows are those of the rarer value."
    )
    return Table(columns, rows, caption)


def _groups(job: Job, results: Results, found: Intervals, head: str) -> Iterator[Group]:
    """Yield the groups of the test rows: all of them, then those by class or by predicted number."""
    covered, sizes = found.covered[head], found.regions["test"][head].sizes()
    yield "all", *_measured(covered, sizes)
    for grouping, cells in _groupings(job, results, found, head):
        for group, name in enumerate(grouping.names):
            at = grouping.codes == group
            if name != MISSING and not np.isnan(cells[at]).all():
                yield f"{grouping.by}{name}", *_measured(cells[at], sizes[at])


def _measured(covered: Array, sizes: Array) -> tuple[int, float, float]:
    known = ~np.isnan(covered)
    return int(known.sum()), float(covered[known].mean()), float(sizes[known].mean())


def _groupings(job: Job, results: Results, found: Intervals, head: str) -> Iterator[tuple[Grouping, Array]]:
    """Yield divisions of the test rows with the coverage of the labels that they are about."""
    target, region = job.dataset.targets[head], found.regions["test"][head]
    labels, names = job.references["test"][head].labels, target.names
    if target.kind == "category":
        words = np.array([*names, ""], object)[class_codes(labels)]
        yield by_value("", words), found.covered[head]
        return
    assert region.low is not None
    assert region.high is not None
    points = job.heads[head].point(results.epochs["test"].outputs[head])
    for column, name in enumerate(names):
        truth = labels[:, column]
        inside = (region.low[:, column] <= truth) & (truth <= region.high[:, column])
        cells = np.where(np.isnan(truth), np.nan, inside)
        prefix = "" if len(names) == 1 else f"{name} "
        if target.kind == "number":
            yield by_number(f"{prefix}predicted ", points[:, column].astype(float), BINS), cells
        else:
            words = np.where(np.isnan(truth), "", np.where(truth > 0.5, "yes", "no")).astype(object)
            yield by_value(prefix, words), cells


def _group_table(head: str, found: Intervals, groups: list[Group]) -> Table:
    rows: list[list[object]] = [
        [name, count, share, *wilson(share, count), size] for name, count, share, size in groups
    ]
    word = METHODS[found.calibration.methods[head]].size_word.replace("_", " ")
    columns = ["test rows", "number", "coverage", "low", "high", f"mean {word}"]
    return Table(columns, rows, f"Coverage of head {head} by class, or by predicted number.", "folded")


def _drawing(groups: dict[str, list[Group]], level: float) -> Drawing:
    longest = min(MOST_GROUPS, max(map(len, groups.values())))
    figure, grid = panels(len(groups), height=0.25 * longest + 0.9, columns=2)
    for axes, (head, rows) in zip(grid, groups.items(), strict=True):
        _draw_head(axes, head, rows[:MOST_GROUPS], level)
    caption = (
        "Share of the test rows whose truth is inside the set or interval, with 95 % intervals, for all rows "
        "and by true class or predicted number. Dotted: the level, which is promised for all rows together."
    )
    if longest == MOST_GROUPS:
        caption += f" Only the first {MOST_GROUPS} are drawn."
    return Drawing(figure, caption, "Coverage by class or predicted number, for each head.")


def _draw_head(axes: Axes, head: str, rows: list[Group], level: float) -> None:
    for place, (_, count, share, _) in enumerate(rows):
        low, high = wilson(share, count)
        colour = INK if place == 0 else COLOURS[0]
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(share, place, "o", color=colour, markersize=5)
    axes.axvline(level, color=GREY, linestyle=":", linewidth=1.2)
    axes.set_yticks(range(len(rows)), [f"{clean(name, 28)} ({count:,})" for name, count, *_ in rows])
    axes.set(xlim=(0, 1.02), ylim=(len(rows) - 0.5, -0.5), xlabel="coverage", title=clean(head, 40))
    axes.grid(visible=False, axis="y")
