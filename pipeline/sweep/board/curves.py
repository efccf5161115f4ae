"""Charts of all trials: parallel coordinates from what varies to what came out, and learning curves."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.config.naming import REPEATS
from pipeline.metric_names import name_of, short, skill_of
from pipeline.page.chart import Axis, Chart, Line, Parallel, Plot, series
from pipeline.page.chart_figure import chart_figure
from pipeline.page.elements import Drawing, Section
from pipeline.sweep.board.groups import Group, label_of
from pipeline.sweep.trials import Sweep, Trial

MOST_TRIALS = 200  # drawn, those of the best configurations
LOG_FROM = 20.0  # ratio of the largest to the smallest value from which an axis is logarithmic
BEST, OTHERS = "s7", "grey"


def curves_section(sweep: Sweep, groups: Sequence[Group]) -> Iterator[Section]:
    """The section of both charts; nothing with fewer than two trials.

    Args:
        groups: best first.
    """
    trials = [trial for group in groups for trial in group.trials][:MOST_TRIALS]
    if len(trials) < 2:
        return
    figures = {}
    if parameters := _parameters(trials):
        figures["parallel"] = parallel_drawing(sweep, groups, trials, parameters)
    if drawing := overlay_drawing(sweep, groups, trials):
        figures["curves"] = drawing
    if figures:
        yield Section("All trials", figures=dict(figures))


def parallel_drawing(
    sweep: Sweep, groups: Sequence[Group], trials: Sequence[Trial], parameters: Sequence[str]
) -> Drawing:
    """A line per trial through an axis per parameter, head and objective; the best trials are green."""
    metrics = dict.fromkeys([*(skill_of(head) for head in sweep.heads()), *sweep.objective])
    columns = [_axis(name, [trial.varied.get(name, "") for trial in trials]) for name in parameters]
    axes = [axis for axis, _ in columns] + [Axis(short(metric)) for metric in metrics]
    values = [of_trials for _, of_trials in columns]
    values += [[trial.metrics.get(metric, float("nan")) for trial in trials] for metric in metrics]
    best = {trial.run_id for trial in groups[0].trials}
    lines = [
        Line(label_of(trial), list(row), colour=BEST if trial.run_id in best else OTHERS)
        for trial, row in zip(trials, zip(*values, strict=True), strict=True)
    ]
    # The last lines are drawn over the others.
    chart = Chart([Parallel(axes, lines[::-1])])
    caption = f"Each line is a trial, from what varies to what came out; green: {groups[0].label}."
    alt = f"Parallel coordinates of {', '.join(axis.title for axis in axes)}"
    return Drawing(chart_figure(chart, height=3.6), caption, alt, chart)


def overlay_drawing(sweep: Sweep, groups: Sequence[Group], trials: Sequence[Trial]) -> Drawing | None:
    """The validation skill of all trials over the epochs, together and per head; None without histories."""
    places = {trial.run_id: place for place, group in enumerate(groups) for trial in group.trials}
    plots = []
    for head in (None, *sweep.heads()):
        metric = name_of("val", head, "skill")
        lines = [
            Line(label_of(trial), history[metric], **series(places[trial.run_id]))
            for trial in trials
            if metric in (history := sweep.histories.get(trial.run_id, {}))
        ]
        if lines:
            plots.append(Plot(head or "mean of the heads", lines, "epoch"))
    if not plots:
        return None
    chart = Chart(plots)
    caption = "Validation skill of every trial after each epoch; trials of one configuration have one colour."
    alt = f"Learning curves of {len(trials)} trials: {', '.join(plot.title for plot in plots)}"
    return Drawing(chart_figure(chart, height=2.4), caption, alt, chart)


def _parameters(trials: Sequence[Trial]) -> list[str]:
    """What varies between trials, without what only repeats them."""
    names = dict.fromkeys(name for trial in trials for name in trial.varied if name not in REPEATS)
    return [name for name in names if len({trial.varied.get(name, "") for trial in trials}) > 1]


def _axis(name: str, written: Sequence[str]) -> tuple[Axis, list[float]]:
    """A parameter's axis and its values; words if some values are no numbers."""
    try:
        numbers = np.array([float(value) for value in written])
    except ValueError:
        words = sorted(set(written))
        return Axis(name, words), [float(words.index(value)) for value in written]
    log = bool(numbers.min() > 0 and numbers.max() / numbers.min() >= LOG_FROM)
    return Axis(name, log=log), numbers.tolist()
