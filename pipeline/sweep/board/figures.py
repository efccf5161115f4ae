"""The board's figures."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes

from pipeline.metric_names import short, sign
from pipeline.page.chart import Chart, Line, Plot
from pipeline.page.elements import Drawing
from pipeline.page.style import COLOURS, GREY, INK, SERIES, clean, number, panels
from pipeline.sweep.board.effects import Effect
from pipeline.sweep.board.front import front, knee
from pipeline.sweep.board.groups import Group, Noise, ranked, repeated
from pipeline.sweep.trials import Sweep, Trial

MOST_ROWS = 40
MOST_PAIRS = 3
STATUS_COLOURS = {
    "FINISHED": COLOURS[0],
    "RUNNING": COLOURS[4],
    "FAILED": COLOURS[5],
    "KILLED": COLOURS[1],
}


def rankings(groups: Sequence[Group], spreads: Mapping[str, Noise]) -> Drawing:
    """Configurations from best to worst by the first metric, with a panel for each metric side by side."""
    first = next(iter(spreads))
    shown = [group for group in groups if len(group.values(first))][:MOST_ROWS]
    figure, grid = panels(len(spreads), height=0.3 * len(shown) + 0.8, columns=2)
    noisy = [
        _ranking_panel(axes, shown, metric, spread, ranked(groups, metric)[0])
        for axes, (metric, spread) in zip(grid, spreads.items(), strict=True)
    ]
    for place, axes in enumerate(grid):
        labels = [clean(group.label, 48) for group in shown] if place % 2 == 0 else [""] * len(shown)
        axes.set(yticks=range(len(shown)), yticklabels=labels)
    names = " and ".join(short(metric) for metric in spreads)
    over = repeated([trial for group in shown for trial in group.trials])
    words = f"each dot is a trial; diamond and bar: mean and standard error over {over}"
    if all(len(group.trials) == 1 for group in shown):
        words = "each diamond is a trial"
    words += "; grey: within noise of the best" if any(noisy) else ""
    rest = f" Only the {len(shown)} best are drawn." if len(shown) < len(groups) else ""
    return Drawing(figure, f"{names}: {words}.{rest}", f"Trials, sorted by {short(first)}")


def _ranking_panel(axes: Axes, shown: Sequence[Group], metric: str, spread: Noise, best: Group) -> bool:
    """Draws a dot per trial and the means; returns whether it shades what is within noise of the best."""
    for row, group in enumerate(shown):
        values = group.values(metric)
        axes.plot(values, [row] * len(values), "o", color=COLOURS[4], markersize=4, alpha=0.8)
        error = spread.error(len(values))
        axes.errorbar(
            group.mean(metric),
            row,
            xerr=None if np.isnan(error) else error,
            fmt="D",
            color=COLOURS[0],
            capsize=3,
            markersize=5,
        )
    axes.set(xlabel=short(metric), ylim=(len(shown) - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    count = len(best.values(metric))
    margin = spread.margin(count, count)
    if np.isnan(margin):
        return False
    mean = best.mean(metric)
    axes.axvspan(*sorted((mean, mean - sign(metric) * margin)), color="#eeeeee", zorder=0)
    return True


def front_drawing(groups: Sequence[Group], metrics: Sequence[str], values: np.ndarray) -> Drawing:
    """All groups in the plane of each pair of metrics, with the front and its knee."""
    on_front = front(values)
    chosen = knee(values, on_front)
    pairs = list(combinations(range(len(metrics)), 2))[:MOST_PAIRS]
    figure, grid = panels(len(pairs), height=4.2, columns=len(pairs), width=5.6 if len(pairs) == 1 else 10.5)
    signs = np.array([sign(metric) for metric in metrics])
    shown = values * signs
    for axes, (x, y) in zip(grid, pairs, strict=True):
        axes.plot(shown[:, x], shown[:, y], "o", color=COLOURS[4], markersize=5, label="trials")
        line = sorted(on_front, key=lambda i: shown[i, x])
        # In the plane of two metrics, the front of three is not a line.
        style = "o-" if len(metrics) == 2 else "o"
        axes.plot(shown[line, x], shown[line, y], style, color=COLOURS[0], markersize=6, label="front")
        axes.plot(shown[chosen, x], shown[chosen, y], "*", color=SERIES[7], markersize=15, label="knee")
        axes.annotate(
            clean(groups[chosen].label, 30),
            (shown[chosen, x], shown[chosen, y]),
            xytext=(0, -14),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
        axes.set(xlabel=short(metrics[x]), ylabel=short(metrics[y]))
        axes.margins(0.16)
    grid[0].legend(loc="best", fontsize=8)
    caption = (
        "On the front, no metric can improve without another one getting worse. The knee is the point "
        "nearest to the best value of every metric, each scaled to its range on the front."
    )
    if len(grid) < len(metrics) * (len(metrics) - 1) // 2:
        caption += f" Only the first {MOST_PAIRS} pairs are drawn."
    names = ", ".join(clean(groups[i].label) for i in on_front)
    alt = f"Front between {', '.join(short(m) for m in metrics)}: {names}"
    return Drawing(figure, caption, alt, _front_chart(groups, metrics, shown, on_front, chosen, pairs))


def _front_chart(
    groups: Sequence[Group],
    metrics: Sequence[str],
    shown: np.ndarray,
    on_front: Sequence[int],
    chosen: int,
    pairs: Sequence[tuple[int, int]],
) -> Chart:
    """The same for the page, where pointing at a dot names its configuration."""
    rest = [i for i in range(len(groups)) if i not in on_front and not np.isnan(shown[i]).any()]
    kinds = {
        "beaten": (rest, "grey"),
        "front": ([i for i in on_front if i != chosen], "test"),
        "knee": ([chosen], "s7"),
    }
    return Chart(
        [
            Plot(
                "",
                [
                    Line(
                        name,
                        shown[places, y].tolist(),
                        shown[places, x].tolist(),
                        colour,
                        points=True,
                        notes=[groups[i].label for i in places],
                    )
                    for name, (places, colour) in kinds.items()
                    if places
                ],
                short(metrics[x]),
                short(metrics[y]),
            )
            for x, y in pairs
        ]
    )


def effect_drawing(effects: Sequence[Effect], metric: str) -> Drawing:
    """One panel per parameter: adjusted means with standard errors, and the trials."""
    figure, grid = panels(len(effects), height=2.9)
    for axes, effect in zip(grid, effects, strict=True):
        _effect_panel(axes, effect)
        axes.set_title(clean(effect.parameter, 38))
    grid[0].set_ylabel(short(metric))
    low = min(float(effect.points.min()) for effect in effects)
    high = max(float(effect.points.max()) for effect in effects)
    reach = 0.06 * (high - low) or 0.01
    for axes in grid:
        axes.set_ylim(low - reach, high + reach)
    caption = (
        f"Effect of each parameter on {short(metric)}, averaged over the others: mean and standard error; "
        "dots are trials, without the effects of the other parameters. All panels share one scale; the "
        "largest effect comes first."
    )
    sizes = ", ".join(f"{effect.parameter} {number(effect.size())}" for effect in effects)
    return Drawing(figure, caption, f"Effects on {short(metric)}: {sizes}")


def _effect_panel(axes: Axes, effect: Effect) -> None:
    jitter = 0 if effect.scale else 0.09 * (np.arange(len(effect.places)) % 3 - 1)
    axes.plot(effect.places + jitter, effect.points, "o", color=COLOURS[4], markersize=3.5, alpha=0.8)
    errors = None if np.isnan(effect.errors).any() else effect.errors
    # Optimizers and the like have no order, so no line connects them.
    style = "D-" if effect.ordered else "D"
    axes.errorbar(
        effect.centres, effect.means, yerr=errors, fmt=style, color=COLOURS[0], capsize=3, markersize=5
    )
    if effect.log:
        axes.set_xscale("log")
    if not effect.scale:
        axes.set_xticks(effect.centres, [clean(level, 14) for level in effect.levels])
        axes.set_xlim(-0.5, len(effect.levels) - 0.5)
        if sum(len(level) for level in effect.levels) > 34:
            axes.tick_params(axis="x", labelrotation=30)


def importance_drawing(sweep: Sweep) -> Drawing:
    """The importance of each parameter for each objective."""
    names = list(dict.fromkeys(name for shares in sweep.importances.values() for name in shares))
    figure, (axes,) = panels(1, height=0.34 * len(names) * len(sweep.importances) + 0.8)
    wide = 0.8 / len(sweep.importances)
    for i, (metric, shares) in enumerate(sweep.importances.items()):
        rows = np.arange(len(names)) + (i - (len(sweep.importances) - 1) / 2) * wide
        values = [shares.get(name, 0.0) for name in names]
        axes.barh(rows, values, height=0.9 * wide, color=COLOURS[i % len(COLOURS)], label=short(metric))
        for row, value in zip(rows, values, strict=True):
            axes.text(value + 0.01, row, f"{value:.2f}", va="center", fontsize=8)
    axes.set(yticks=range(len(names)), yticklabels=[clean(name, 38) for name in names], xlim=(0, 1.08))
    axes.set_xlabel("importance; the sum is 1")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside right upper", fontsize=8)
    caption = (
        "How much an objective depends on each parameter over the whole search space, as Optuna estimates it "
        "from the trials (fANOVA). Only the ranking of large values is sure."
    )
    return Drawing(figure, caption, "Parameter importances")


def search_drawing(trials: Sequence[Trial], metrics: Sequence[str]) -> Drawing:
    """Each objective in the order of the trials, and the best value so far."""
    figure, grid = panels(len(metrics), height=2.6, columns=2)
    for axes, metric in zip(grid, metrics, strict=True):
        values = np.array([trial.metrics[metric] for trial in trials])
        best = (np.maximum if sign(metric) > 0 else np.minimum).accumulate(values)
        order = np.arange(1, len(values) + 1)
        axes.plot(order, values, "o", color=COLOURS[4], markersize=4)
        axes.step(order, best, where="post", color=COLOURS[0])
        axes.set(xlabel="finished trials", ylabel=short(metric))
    return Drawing(figure, "Trials in order, and the best value so far.", "The course of the search")


def time_drawing(trials: Sequence[Trial], now: int) -> Drawing:
    """When each trial ran, and in which process."""
    processes = list(dict.fromkeys(trial.process for trial in trials))
    figure, (axes,) = panels(1, height=0.34 * len(processes) + 0.9)
    origin = min(trial.started for trial in trials)
    for trial in trials:
        first, last = (trial.started - origin) / 1000, ((trial.ended or now) - origin) / 1000
        axes.barh(
            processes.index(trial.process),
            last - first,
            left=first,
            height=0.7,
            color=STATUS_COLOURS[trial.status],
            edgecolor="white",
            linewidth=1,
        )
    for status, colour in STATUS_COLOURS.items():
        if any(trial.status == status for trial in trials):
            axes.barh(0, 0, color=colour, label=status.lower())
    labels = [":".join(process.split(":")[:2]) or "process" for process in processes]
    axes.set(yticks=range(len(processes)), yticklabels=[clean(label, 24) for label in labels])
    axes.set_xlabel("seconds since the first trial")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", labelcolor=INK)
    figure.legend(loc="outside right upper", fontsize=8)
    axes.spines["left"].set_color(GREY)
    return Drawing(figure, "When each trial ran; one line per process.", "Trials over time")
