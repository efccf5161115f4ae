"""Test results of each head, drawn according to the kind of its target."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.page.elements import Drawing, Table
from pipeline.page.style import INK, SPLITS, clean, number, numbered, panels
from pipeline.report.confusion import confusion_drawings, confusion_tables
from pipeline.report.numbers import number_drawings
from pipeline.report.record import HeadResult
from pipeline.report.threshold_curves import threshold_drawings
from pipeline.report.yes_no import average_precision, rank_drawings, threshold_table

_MOST_LABELS = 40
_COLUMNS = ["head", "skill", "loss", "baseline loss", "weight"]  # and the metrics before the last one
_MOST_COLUMNS = 8  # of a table in letters of full size, at 800 pixels


def headlines(heads: dict[str, HeadResult]) -> dict[str, Table]:
    """Tables of the heads' test results: one for the page for each set of metrics, and all heads as a CSV.

    Skill and loss come first. Heads of one kind share a table, so that no cell is empty and none is cut. The
    page has sets and intervals in a section of their own.
    """
    every = list(dict.fromkeys(word for head in heads.values() for word in _words(head)))
    groups: dict[tuple[str, ...], dict[str, HeadResult]] = {}
    for name, head in heads.items():
        groups.setdefault(tuple(_without_sets(_words(head))), {})[name] = head
    alone = len(groups) == 1 and set(every) == {*next(iter(groups))}
    dense = max(map(len, groups)) + len(_COLUMNS) > _MOST_COLUMNS
    tables = {
        "heads" if alone else f"heads_{number}": replace(_headline(list(words), group), dense=dense)
        for number, (words, group) in enumerate(groups.items(), start=1)
    }
    if not alone:
        tables["heads"] = replace(_headline(every, heads), show="file")
    last = list(tables)[len(groups) - 1]
    caption = (
        "Test rows, with the weights of the kept epoch. Skill: 0 = no better than the baseline, which is the "
        "best constant prediction; 1 = perfect."
    )
    return tables | {last: replace(tables[last], caption=caption)}


def _words(head: HeadResult) -> list[str]:
    """The metrics of a head beside its loss and skill."""
    return [word for word in head.test if word not in ("loss", "skill")]


def _without_sets(words: list[str]) -> list[str]:
    """The metrics but for those of conformal sets and intervals; quantiles have a coverage of their own."""
    if not {"set_size", "interval_width"} & {*words}:
        return words
    held = "interval_coverage" if "interval_coverage" in words else "coverage"
    return [word for word in words if word not in (held, "set_size", "interval_width")]


def _headline(words: list[str], heads: dict[str, HeadResult]) -> Table:
    rows: list[list[object]] = [
        [
            name,
            *(float(head.test.get(word, np.nan)) for word in ("skill", "loss")),
            float(head.baseline),
            *(float(head.test.get(word, np.nan)) for word in words),
            float(head.weight),
        ]
        for name, head in heads.items()
    ]
    return Table([*_COLUMNS[:-1], *words, _COLUMNS[-1]], rows)


def all_scores(heads: dict[str, HeadResult]) -> Table:
    """Every metric of every head on validation and test rows, one per row, for other programs."""
    rows: list[list[object]] = [
        [name, split, word, value]
        for name, head in heads.items()
        for split, metrics in (("val", head.val), ("test", head.test))
        for word, value in metrics.items()
    ]
    return Table(["head", "split", "metric", "value"], rows, show="file")


def skills(heads: dict[str, HeadResult]) -> Drawing:
    """The skill of every head on validation and test rows."""
    figure, (axes,) = panels(1, height=0.55 * len(heads) + 0.5)
    lowest, exact = 0.0, []
    for place, (name, head) in enumerate(heads.items()):
        for shift, colour, split, metrics in (
            (-0.2, SPLITS["val"], "val", head.val),
            (0.2, SPLITS["test"], "test", head.test),
        ):
            skill = float(metrics.get("skill", np.nan))
            shown = float(np.clip(np.nan_to_num(skill), -1, 1))
            axes.barh(place + shift, shown, height=0.36, color=colour, label=split if place == 0 else None)
            axes.text(max(shown, 0) + 0.01, place + shift, number(skill), va="center", fontsize=8)
            exact.append(f"{name} {split} {number(skill)}")
            lowest = min(lowest, shown)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set(yticks=range(len(heads)), yticklabels=[clean(name, 30) for name in heads])
    axes.set(xlim=(lowest - 0.02, 1.1), xlabel="skill (0 = baseline, 1 = perfect)")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside right upper")
    caption = "Skill = 1 - loss / baseline loss. Bars are cut off at -1; the numbers are exact."
    return Drawing(figure, caption, "Skill per head: " + ", ".join(exact))


def result_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """Figures of a head's test results by file name; raises KeyError for an unknown kind."""
    draw: dict[str, Callable[[str, HeadResult], dict[str, Drawing]]] = {
        "category": confusion_drawings,
        "number": number_drawings,
        "binary": rank_drawings,
        "labels": _label_bars,
    }
    return draw[head.kind](name, head) | threshold_drawings(name, head)


def result_tables(name: str, head: HeadResult) -> dict[str, Table]:
    """Tables of a head's test results by file name."""
    if head.kind == "category":
        return confusion_tables(name, head)
    if head.kind == "binary":
        return {f"thresholds_{name}": threshold_table(name, head)}
    return {f"labels_{name}": _label_table(head)} if head.kind == "labels" else {}


def _label_table(head: HeadResult) -> Table:
    rows: list[list[object]] = []
    for column, label in enumerate(numbered(head.names)):
        known = np.isfinite(head.labels[:, column])
        truth, score = head.labels[known, column], head.outputs[known, column]
        chosen = score > head.limits()[column]
        hits = int((chosen & (truth == 1)).sum())
        counted = int(chosen.sum() + (truth == 1).sum())
        f1 = 2 * hits / counted if counted else float("nan")
        rows.append([label, int(known.sum()), int((truth == 1).sum()), f1, average_precision(truth, score)])
    return Table(
        ["label", "rows", "positive", "f1", "ap"],
        rows,
        f"Results per label on test rows; f1 at {_at(head)}.",
    )


def _at(head: HeadResult) -> str:
    return "the threshold of each label" if head.thresholds else "a threshold of 0.5"


def _label_bars(name: str, head: HeadResult) -> dict[str, Drawing]:
    rows = _label_table(head).rows
    if len(rows) > _MOST_LABELS:
        lowest = np.argsort(np.array([row[4] for row in rows], dtype=float), kind="stable")[:_MOST_LABELS]
        rows = [rows[place] for place in sorted(lowest)]
    figure, (axes,) = panels(1, height=0.34 * len(rows) + 0.5)
    for shift, column, word, alpha in ((-0.2, 3, "f1", 0.45), (0.2, 4, "ap", 1.0)):
        values = np.array([row[column] for row in rows], dtype=float)
        bars = axes.barh(
            np.arange(len(rows)) + shift,
            np.nan_to_num(values),
            height=0.36,
            color=SPLITS["test"],
            alpha=alpha,
            label=word,
        )
        axes.bar_label(bars, [f" {value:.2f}" if value == value else " –" for value in values], fontsize=7.5)
    axes.set_yticks(range(len(rows)), [clean(row[0], 30) for row in rows])
    axes.set(xlim=(0, 1.06), xlabel="f1, ap")
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside right upper")
    caption = f"f1 (at {_at(head)}) and average precision (ap) of each label of {name}."
    if len(rows) < len(head.names):
        caption += f" Only the {len(rows)} of {len(head.names)} labels with the lowest ap are drawn."
    return {f"labels_{name}": Drawing(figure, caption, f"f1 and average precision per label of head {name}.")}
