"""Learning curves, each head's share of the loss, changing weights, and time per phase."""

from collections.abc import Callable

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline.metric_names import by_head, name_of, share_of, weight_of
from pipeline.notices import duration
from pipeline.page.chart import Chart, Line, Mark, Plot, series
from pipeline.page.chart_figure import chart_figure
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import GREY, INK, SERIES, clean, panels
from pipeline.report.record import HeadResult, Record

_SPLITS = ("train", "val")
_MOST_HEADS = 24  # that are drawn in one figure
_IN_UNIT = ("mae", "rmse")


def learning_section(record: Record) -> Section:
    """The combined curves, the shares and, if they change, the weights; the full history as a CSV."""
    figures = {
        "curves": combined_curves(record),
        "share": shares(record),
        "weights": changing_weights(record),
    }
    return Section(
        "Learning",
        figures={name: drawing for name, drawing in figures.items() if drawing is not None},
        tables={"epochs": best_epochs(record), "history": _history_table(record.history)},
    )


def best_epochs(record: Record) -> Table:
    """Each head's own best epoch, by its validation loss, and the skill it lost by sharing the kept epoch.

    A single head shares with none, and heads without such a history are left out.
    """
    rows: list[list[object]] = []
    for name in record.heads:
        losses = np.array(record.history.get(name_of("val", name, "loss"), []), float)
        skills = record.history.get(name_of("val", name, "skill"), [])
        if not np.isfinite(losses).any() or not skills or not record.best_epoch:
            continue
        own = int(np.nanargmin(losses))
        then, kept = float(skills[own]), float(skills[record.best_epoch - 1])
        rows.append([name, own + 1, then, kept, then - kept])
    columns = ["head", "own best epoch", "val skill then", f"in epoch {record.best_epoch}, kept", "lost"]
    caption = "What each head lost by sharing the kept epoch with the others."
    return Table(columns, rows if len(record.heads) > 1 else [], caption)


def head_curves(record: Record, name: str) -> Drawing | None:
    """A panel each for the loss, the metrics and the skill of a head; None if its history is empty."""
    head = record.heads[name]
    measured = [word for split in _SPLITS for word in by_head(record.history, split, record.heads)[name]]
    words = sorted(dict.fromkeys(measured), key=lambda word: (word != "loss", word == "skill"))
    baseline = Mark("baseline (val)", y=head.val_baseline) if np.isfinite(head.val_baseline) else None
    chart = _curves(record, name, {word: _title(word, head) for word in words}, baseline)
    if chart is None:
        return None
    caption = f"Loss (unweighted, labelled rows only) and metrics of {name} after each epoch."
    return _drawing(record, chart, caption, f"Learning curves of head {name}")


def combined_curves(record: Record) -> Drawing | None:
    """The weighted and the unweighted sum of the losses, and the mean skill."""
    titles = {
        "loss": "combined loss (weighted sum)",
        "loss_unweighted": "sum of losses at weight 1",
        "skill": "mean skill of the heads",
    }
    chart = _curves(record, None, titles)
    if chart is None:
        return None
    caption = "All heads together. Skill: 0 = no better than the best constant prediction, 1 = perfect."
    return _drawing(record, chart, caption, "Combined learning curves")


def shares(record: Record) -> Drawing | None:
    """Each head's share of the weighted training loss, stacked over the epochs; None for a single head."""
    parts = _per_head(record, share_of)
    if len(parts) < 2:
        return None
    alt_heads = ", ".join(parts)
    if len(parts) > _MOST_HEADS:
        largest = sorted(parts, key=lambda name: -np.nansum(parts[name]))[: _MOST_HEADS - 1]
        others = [np.nan_to_num(values) for name, values in parts.items() if name not in largest]
        parts = {name: values for name, values in parts.items() if name in largest}
        parts[f"{len(others)} other heads"] = np.sum(others, axis=0)
    figure, (axes,) = panels(1, height=2.5)
    edges = np.arange(len(next(iter(parts.values()))) + 1) + 0.5
    below = np.zeros(len(edges) - 1)
    for place, (name, values) in enumerate(parts.items()):
        top = below + np.nan_to_num(values)
        colour = SERIES[place % len(SERIES)]
        hatch = "//" if place >= len(SERIES) else None
        axes.stairs(top, edges, baseline=below, fill=True, color=colour, label=clean(name, 30), hatch=hatch)
        below = top
    axes.set(ylabel="share of the loss", xlabel="epoch", xlim=_epochs(record)[0], ylim=(0, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.axvline(record.best_epoch, color=INK, linestyle=":", linewidth=1.2, label=_kept(record))
    figure.legend(loc="outside right upper", reverse=True)
    return Drawing(
        figure,
        "Each head's share of the weighted training loss.",
        f"Share of each head in the loss over {len(edges) - 1} epochs: {alt_heads}. {_kept(record)}",
    )


def changing_weights(record: Record) -> Drawing | None:
    """The heads' weights over the epochs; None if they are constant."""
    weights = _per_head(record, weight_of)
    if not any(
        np.nanmax(values) - np.nanmin(values) > 1e-6 * abs(np.nanmax(values)) for values in weights.values()
    ):
        return None
    alt_heads = ", ".join(weights)
    moved = sorted(weights, key=lambda name: np.nanmin(weights[name]) - np.nanmax(weights[name]))
    weights = {name: values for name, values in weights.items() if name in moved[:_MOST_HEADS]}
    lines = [
        Line(name, list(values), **series(place)) for place, (name, values) in enumerate(weights.items())
    ]
    chart = Chart([Plot("", lines, "epoch", "weight in force", [_kept_mark(record)], limits=_epochs(record))])
    caption = "Weight in force: loss weight × the balancer's factor."
    if len(weights) < len(moved):
        caption += f" Only the {len(weights)} of {len(moved)} heads whose weights change the most are drawn."
    alt = f"Weight of each head over epochs: {alt_heads}. {_kept(record)}"
    return Drawing(chart_figure(chart, height=2.5), caption, alt, chart)


def time_section(phases: dict[str, float]) -> Section:
    """Bars of the seconds that each phase of the run took."""
    total = sum(phases.values())
    figure, (axes,) = panels(1, height=0.28 * len(phases) + 0.4)
    names = [clean(name, 40) for name in phases]
    bars = axes.barh(range(len(phases)), list(phases.values()), color=GREY, height=0.7)
    axes.bar_label(bars, [f" {duration(value)}" for value in phases.values()], color=INK)
    axes.set(xlabel="seconds", yticks=range(len(phases)), yticklabels=names)
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    alt = "Time per phase: " + ", ".join(f"{name} {duration(value)}" for name, value in phases.items())
    caption = f"{duration(total)} until this page was begun; time/total_s in MLflow includes the page too."
    drawing = Drawing(figure, caption, alt)
    table = Table(["phase", "seconds"], [[name, value] for name, value in phases.items()], show="file")
    return Section("Time", figures={"time": drawing}, tables={"time": table})


def _curves(
    record: Record, head: str | None, titles: dict[str, str], baseline: Mark | None = None
) -> Chart | None:
    """Plots of a head's metrics, or with None of all heads together; metrics without values are left out.

    Args:
        titles: metric word -> title of its plot.
        baseline: marked in the plot of the loss.
    """
    plots = []
    for word, title in titles.items():
        curves = {
            split: values
            for split in _SPLITS
            if (values := _finite(record.history, name_of(split, head, word))) is not None
        }
        if curves:
            lines = [
                Line(split, list(values), colour=split, dashed=split == "train")
                for split, values in curves.items()
            ]
            marks = [_kept_mark(record), *([baseline] if baseline and word == "loss" else [])]
            log = _falls_far(word, list(curves.values()))
            plots.append(Plot(title, lines, "epoch", marks=marks, log=log, limits=_epochs(record)))
    return Chart(plots) if plots else None


def _drawing(record: Record, chart: Chart, caption: str, what: str) -> Drawing:
    titles = ", ".join(plot.title for plot in chart.plots if isinstance(plot, Plot))
    return Drawing(chart_figure(chart), caption, f"{what}: {titles}. {_kept(record)}", chart)


def _falls_far(word: str, curves: list[np.ndarray]) -> bool:
    values = np.concatenate(curves)
    low, high = np.nanmin(values), np.nanmax(values)
    return bool(word.startswith("loss") and low > 0 and high > 50 * low)


def _epochs(record: Record) -> tuple[tuple[float, float], None]:
    return (0.5, max(len(values) for values in record.history.values()) + 0.5), None


def _kept_mark(record: Record) -> Mark:
    return Mark(_kept(record), x=record.best_epoch)


def _kept(record: Record) -> str:
    return f"kept epoch {record.best_epoch}"


def _finite(history: dict[str, list[float]], metric: str) -> np.ndarray | None:
    values = np.array(history.get(metric, []), dtype=float)
    values[~np.isfinite(values)] = np.nan
    return None if np.isnan(values).all() else values


def _per_head(record: Record, metric_of: Callable[[str], str]) -> dict[str, np.ndarray]:
    series = {name: _finite(record.history, metric_of(name)) for name in record.heads}
    return {name: values for name, values in series.items() if values is not None}


def _title(word: str, head: HeadResult) -> str:
    if head.kind == "number" and word in _IN_UNIT:
        unit = head.names[0] if len(head.names) == 1 else "own unit, mean of columns"
        return clean(f"{word} ({unit})", 36)
    return clean(word, 36)


def _history_table(history: dict[str, list[float]]) -> Table:
    epochs = max((len(values) for values in history.values()), default=0)
    rows: list[list[object]] = [
        [epoch + 1, *(values[epoch] if epoch < len(values) else float("nan") for values in history.values())]
        for epoch in range(epochs)
    ]
    return Table(["epoch", *history], rows, show="file")
