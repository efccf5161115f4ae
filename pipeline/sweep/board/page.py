"""The page of a board: which configuration to choose, and how sure that choice is."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from pipeline.metric_names import base_name, by_head, name_of, short, skill_of
from pipeline.page.elements import Cell, Drawing, Heading, Section, Table
from pipeline.page.style import look, number
from pipeline.page.write import write_page
from pipeline.sweep.board.chosen import chosen_sections, with_error
from pipeline.sweep.board.curves import curves_section
from pipeline.sweep.board.effects import effects
from pipeline.sweep.board.figures import (
    effect_drawing,
    importance_drawing,
    rankings,
    search_drawing,
    time_drawing,
)
from pipeline.sweep.board.folds import ensemble_section, folds_section
from pipeline.sweep.board.groups import Group, Noise, fold, label_of, noise, ranked, verdict
from pipeline.sweep.board.groups import repeated as repeated_word
from pipeline.sweep.trials import Sweep

PAGE = "sweep.html"
_ALONE = {
    "seeds": "The seed",
    "folds": "The fold",
    "split seeds": "The seed of the split",
    "repeats": "Repeating",
}
Figures = dict[str, Figure | bytes | Drawing]
MOST_COLUMNS = 6  # of a table in letters of full size, at 800 pixels
REFRESH = 20  # seconds after which a browser reloads the page of a running sweep


def write(folder: Path, sweep: Sweep) -> None:
    """Writes `folder`/sweep.html, `folder`/figures/*.png and `folder`/tables/*.csv.

    The page needs no network. It can be written at any time and shows what has been measured so far.

    Example:
        board.write(Path("report"), sweep)
    """
    groups = ranked(fold(sweep.finished()), sweep.objective[0])
    with look(_words(sweep)):
        sections = [*chosen_sections(sweep, groups), *_compared(sweep, groups), *_ended(sweep)]
        write_page(folder, _heading(sweep), sections, PAGE)


def _heading(sweep: Sweep) -> Heading:
    counts = [
        f"{sum(trial.status == status for trial in sweep.trials)} {status.lower()}"
        for status in ("FINISHED", "RUNNING", "FAILED", "KILLED")
        if any(trial.status == status for trial in sweep.trials)
    ]
    total = sweep.planned if sweep.planned is not None else len(sweep.trials)
    note = Markup("{} trials: <strong>{}</strong>.").format(total, ", ".join(counts) or "none started")
    if sweep.running:
        note += " This page is updated while the sweep runs."
    return Heading(sweep.title, note, sweep.command, refresh=REFRESH if sweep.running else None)


def _words(sweep: Sweep) -> Iterator[str]:
    yield from sweep.heads()
    for trial in sweep.trials:
        yield label_of(trial)
        yield from trial.varied.values()


def _compared(sweep: Sweep, groups: Sequence[Group]) -> Iterator[Section]:
    if groups:
        yield from folds_section(groups, sweep.order)
        yield from ensemble_section(sweep.ensemble)
        yield _trials_section(sweep, groups)
        yield from curves_section(sweep, groups)
        yield _heads_section(sweep, groups)
        yield from _effect_section(sweep)
    if sweep.importances:
        yield Section(
            "The search",
            figures={
                "search": search_drawing(sweep.finished(), list(sweep.objective)),
                "importances": importance_drawing(sweep),
            },
        )


def _trials_section(sweep: Sweep, groups: Sequence[Group]) -> Section:
    figures: Figures = {}
    spreads = {metric: noise(ranked(groups, metric), metric) for metric in sweep.objective}
    if len(groups) > 1:
        figures["trials"] = rankings(groups, spreads)
    sentences: list[str] = [
        _sentence(metric, ranked(groups, metric), spreads[metric].freedom) for metric in sweep.objective
    ]
    link = [Markup('<a href="{}">All trials in MLflow</a>').format(sweep.compare)] if sweep.compare else []
    tables = {"trials": _ranking_table(sweep, groups, spreads), "runs": _run_table(sweep)}
    return Section("Trials", [*sentences, *link], figures, {**tables, "all_trials": _every_number(sweep)})


def _ranking_table(sweep: Sweep, groups: Sequence[Group], spreads: dict[str, Noise]) -> Table:
    """A row per configuration, the best by the first objective first; all objectives side by side."""
    parameters = list(groups[0].varied)
    repeated = any(len(group.trials) > 1 for group in groups)
    best = {metric: ranked(groups, metric)[0] for metric in spreads}
    rows: list[list[object]] = []
    for place, group in enumerate(groups):
        values: list[object] = [_value(group.varied.get(name, "")) for name in parameters]
        values = values or [group.name]
        if len(group.trials) == 1:
            values[0] = Cell(values[0], sweep.addresses.get(group.trials[0].run_id, ""))
        rows.append([place + 1, *values])
        for metric, spread in spreads.items():
            rows[-1].append(group.mean(metric))
            if repeated:
                error = spread.error(len(group.values(metric)))
                rows[-1] += [error, verdict(best[metric], group, metric, spread)]
        if repeated:
            pages = [sweep.addresses.get(trial.run_id, "") for trial in group.trials]
            rows[-1] += [len(group.trials), Cell("", addresses=[page for page in pages if page])]
    columns = ["", *(parameters or ["trial"])]
    for metric in spreads:
        columns += [short(metric), *(["standard error", "compared with the best"] if repeated else [])]
    words = repeated_word([trial for group in groups for trial in group.trials])
    columns += [words, "runs"] if repeated else []
    return Table(columns, rows, f"Configurations, sorted by {short(sweep.objective[0])}.")


def _run_table(sweep: Sweep) -> Table:
    """Every trial with a link to its run."""
    rows: list[list[object]] = [
        [
            Cell(label_of(trial), sweep.addresses.get(trial.run_id, "")),
            *(trial.metrics.get(metric, float("nan")) for metric in sweep.objective),
            trial.status.lower(),
            trial.run_id,
        ]
        for trial in sweep.trials
    ]
    columns = ["trial", *map(short, sweep.objective), "status", "run"]
    return Table(columns, rows, "Every trial, linked to its run.", "folded")


def _value(written: str) -> object:
    """A number that a search drew, as a number, so that the page rounds it; other values as written."""
    return float(written) if re.fullmatch(r"-?\d+\.\d{4,}(e-?\d+)?", written) else written


def _sentence(metric: str, order: Sequence[Group], freedom: int) -> str:
    if len(order) < 2:
        return f"{short(metric)}: there is one configuration."
    if not freedom:
        return (
            f"{short(metric)}: no configuration was repeated, so differences cannot be told from noise. "
            "Add seed=0,1,2 to the sweep to estimate the noise."
        )
    spread = noise(order, metric)
    best, words = order[0], repeated_word(order[0].trials)
    close = [g.label for g in order[1:] if verdict(best, g, metric, spread).startswith("within")]
    others = f"within noise of it: {', '.join(close[:6])}" if close else "all others are worse, beyond noise"
    more = f" and {len(close) - 6} more" if len(close) > 6 else ""
    margin = spread.margin(len(best.trials), len(best.trials))
    return (
        f"{short(metric)}: {best.label} is the best; {others}{more}. {_ALONE[words]} alone moves a trial by "
        f"{number(spread.deviation)} (standard deviation); differences above {number(margin)} are beyond "
        "noise (Tukey's range test over all configurations, 95 %)."
    )


def _heads_section(sweep: Sweep, groups: Sequence[Group]) -> Section:
    tables = {}
    for head in sweep.heads():
        names = sorted({name for group in groups for trial in group.trials for name in trial.metrics})
        of_test = by_head(dict.fromkeys(names, 0.0), "test", sweep.heads())[head]
        words = [word for word in of_test if word not in ("loss", "skill")]
        columns = {skill_of(head): short(skill_of())}
        for word in ("skill", "loss", *words):
            columns[name_of("test", head, word)] = short(name_of("test", None, word))
        columns = {name: title for name, title in columns.items() if name in names}
        order = ranked(groups, skill_of(head))
        spreads = {name: noise(order, name) for name in columns}
        rows: list[list[object]] = [
            [group.label, *(with_error(group, name, spreads[name].deviation) for name in columns)]
            for group in order
        ]
        caption = f"Head {head}, sorted by validation skill{_over(groups)}."
        titles = ["trial", *columns.values()]
        tables[f"head_{head}"] = Table(titles, rows, caption, dense=len(titles) > MOST_COLUMNS)
    return Section("Heads", tables=tables)


def _over(groups: Sequence[Group]) -> str:
    """What the values are, if some configuration was repeated."""
    if all(len(group.trials) == 1 for group in groups):
        return ""
    over = repeated_word([trial for group in groups for trial in group.trials])
    return f"; mean ± standard error over {over}"


def _effect_section(sweep: Sweep) -> Iterator[Section]:
    metrics = list(dict.fromkeys([*sweep.objective, *(skill_of(head) for head in sweep.heads())]))
    figures: Figures = {}
    rows: list[list[object]] = []
    for metric in metrics:
        if of_metric := effects(sweep.finished(), metric):
            figures[f"effects_{base_name(metric)}"] = effect_drawing(of_metric, metric)
            for effect in of_metric:
                rows += [
                    [short(metric), effect.parameter, level, float(mean), float(error)]
                    for level, mean, error in zip(effect.levels, effect.means, effect.errors, strict=True)
                ]
    if figures:
        columns = ["metric", "parameter", "value", "adjusted mean", "standard error"]
        caption = "Adjusted mean of each metric for every value of a parameter"
        yield Section("Effects", figures=figures, tables={"effects": Table(columns, rows, caption, "folded")})


def _every_number(sweep: Sweep) -> Table:
    names = sorted({name for trial in sweep.trials for name in trial.metrics})
    parameters = list(dict.fromkeys(name for trial in sweep.trials for name in trial.varied))
    rows: list[list[object]] = [
        [
            *(trial.name, trial.run_id, trial.status),
            *(trial.varied.get(name, "") for name in parameters),
            *(trial.metrics.get(name, float("nan")) for name in names),
        ]
        for trial in sweep.trials
    ]
    return Table(["trial", "run", "status", *parameters, *names], rows, show="file")


def _ended(sweep: Sweep) -> Iterator[Section]:
    if not sweep.trials:
        return
    seconds = [(trial.ended - trial.started) / 1000 for trial in sweep.trials if trial.ended]
    sentences = []
    if seconds:
        sentences.append(
            f"A trial takes {number(float(np.median(seconds)))} s (median); the {len(seconds)} trials that "
            f"ended took {number(float(sum(seconds)))} s in total."
        )
    bad = [trial for trial in sweep.trials if trial.status in ("FAILED", "KILLED")]
    rows: list[list[object]] = [
        [
            Cell(label_of(trial), sweep.addresses.get(trial.run_id, "")),
            trial.status.lower(),
            trial.reason,
            trial.run_id,
        ]
        for trial in bad
    ]
    tables = {"failures": Table(["trial", "status", "reason", "run"], rows, "Trials without a result.")}
    yield Section(
        "Time and failures" if bad else "Time",
        sentences,
        {"time": time_drawing(sweep.trials, int(time.time() * 1000))},
        tables if bad else {},
    )
