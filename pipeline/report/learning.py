"""Learning curves, each head's share of the loss, changing weights, and time per phase."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.metric_names import by_head, name_of, share_of, weight_of
from pipeline.notices import duration
from pipeline.page.elements import Drawing, Section, Table
from pipeline.page.style import COLOURS, INK, clean, number, panels
from pipeline.report.record import HeadResult, Record

_SPLITS = {"train": (COLOURS[0], "--"), "val": (COLOURS[5], "-")}
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
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
        tables={"history": _history_table(record.history)},
    )


def head_curves(record: Record, name: str) -> Drawing | None:
    """A panel each for the loss, the metrics and the skill of a head; None if its history is empty."""
    head = record.heads[name]
    measured = [word for split in _SPLITS for word in by_head(record.history, split, record.heads)[name]]
    words = sorted(dict.fromkeys(measured), key=lambda word: (word != "loss", word == "skill"))
    figure, drawn = _curve_panels(record, name, {word: _title(word, head) for word in words})
    if figure is None:
        return None
    if "loss" in drawn and np.isfinite(head.val_baseline):
        axes = drawn["loss"]
        axes.axhline(head.val_baseline, color=INK, linestyle=":", linewidth=1)
        place = (0.99, head.val_baseline)
        across = axes.get_yaxis_transform()
        axes.text(
            *place, "baseline (val)", transform=across, ha="right", va="bottom", fontsize=8, bbox=_PAPER
        )
    caption = f"Loss (unweighted, labelled rows only) and metrics of {name} after each epoch."
    return Drawing(figure, caption, f"Learning curves of head {name}: {', '.join(drawn)}. {_kept(record)}")


def combined_curves(record: Record) -> Drawing | None:
    """The weighted and the unweighted sum of the losses, and the mean skill."""
    titles = {
        "loss": "combined loss (weighted sum)",
        "loss_unweighted": "sum of losses at weight 1",
        "skill": "mean skill of the heads",
    }
    figure, drawn = _curve_panels(record, None, titles)
    if figure is None:
        return None
    caption = "All heads together. Skill: 0 = no better than the best constant prediction, 1 = perfect."
    return Drawing(figure, caption, f"Combined learning curves: {', '.join(drawn)}. {_kept(record)}")


def shares(record: Record) -> Drawing | None:
    """Each head's share of the weighted training loss, stacked over the epochs."""
    series = _per_head(record, share_of)
    if not series:
        return None
    figure, (axes,) = panels(1, height=2.5)
    edges = np.arange(len(next(iter(series.values()))) + 1) + 0.5
    below = np.zeros(len(edges) - 1)
    for place, (name, values) in enumerate(series.items()):
        top = below + np.nan_to_num(values)
        colour = COLOURS[place % len(COLOURS)]
        hatch = "//" if place >= len(COLOURS) else None
        axes.stairs(top, edges, baseline=below, fill=True, color=colour, label=clean(name, 30), hatch=hatch)
        below = top
    axes.set(ylabel="share of the loss")
    _epochs(axes, record)
    axes.margins(0)
    figure.legend(loc="outside right upper", reverse=True)
    return Drawing(
        figure,
        "Each head's share of the weighted training loss.",
        f"Share of each head in the loss over {len(edges) - 1} epochs: {', '.join(series)}. {_kept(record)}",
    )


def changing_weights(record: Record) -> Drawing | None:
    """The heads' weights over the epochs; None if they are constant."""
    series = _per_head(record, weight_of)
    if not any(
        np.nanmax(values) - np.nanmin(values) > 1e-6 * abs(np.nanmax(values)) for values in series.values()
    ):
        return None
    figure, (axes,) = panels(1, height=2.5)
    for place, (name, values) in enumerate(series.items()):
        _line(axes, values, label=clean(name, 30), color=COLOURS[place % len(COLOURS)], linestyle="-")
    axes.set(ylabel="weight in force")
    _epochs(axes, record)
    figure.legend(loc="outside right upper")
    return Drawing(
        figure,
        "Weight in force: loss weight × the balancer's factor.",
        f"Weight of each head over epochs: {', '.join(series)}. {_kept(record)}",
    )


def time_section(phases: dict[str, float]) -> Section:
    """Bars of the seconds that each phase of the run took."""
    total = sum(phases.values())
    figure, (axes,) = panels(1, height=0.28 * len(phases) + 0.4)
    names = [clean(name, 40) for name in phases]
    bars = axes.barh(range(len(phases)), list(phases.values()), color=COLOURS[0], height=0.7)
    axes.bar_label(bars, [f" {number(float(value))} s" for value in phases.values()], color=INK)
    axes.set(xlabel="seconds", yticks=range(len(phases)), yticklabels=names)
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    alt = "Time per phase: " + ", ".join(f"{name} {number(float(value))} s" for name, value in phases.items())
    caption = f"{duration(total)} until this page was begun; `time/total_s` in MLflow includes the page too."
    drawing = Drawing(figure, caption, alt)
    table = Table(["phase", "seconds"], [[name, value] for name, value in phases.items()], show="file")
    return Section("Time", figures={"time": drawing}, tables={"time": table})


def _curve_panels(
    record: Record, head: str | None, titles: dict[str, str]
) -> tuple[Figure | None, dict[str, Axes]]:
    """Panels of a head's metrics, or with None of all heads together; metrics without values are left out.

    Args:
        titles: metric word -> title of its panel.
    """
    present = {
        word: {
            split: values
            for split in _SPLITS
            if (values := _finite(record.history, name_of(split, head, word))) is not None
        }
        for word in titles
    }
    present = {word: curves for word, curves in present.items() if curves}
    if not present:
        return None, {}
    figure, grid = panels(len(present))
    for axes, (word, curves) in zip(grid, present.items(), strict=True):
        for split, values in curves.items():
            colour, dashes = _SPLITS[split]
            _line(axes, values, label=split, color=colour, linestyle=dashes)
        _scale(axes, word, list(curves.values()))
        axes.set(title=titles[word])
        _epochs(axes, record)
    handles = {
        label: line for axes in grid for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=3)
    return figure, dict(zip(present, grid, strict=True))


def _line(axes: Axes, values: np.ndarray, **look: Any) -> None:
    # Without markers a single epoch, or one between two missing ones, would be invisible.
    marker = "." if len(values) <= 60 or np.isnan(values).any() else None
    size = 4 if len(values) > 1 else 9
    axes.plot(np.arange(1, len(values) + 1), values, marker=marker, markersize=size, **look)


def _scale(axes: Axes, word: str, curves: list[np.ndarray]) -> None:
    values = np.concatenate(curves)
    low, high = np.nanmin(values), np.nanmax(values)
    if word.startswith("loss") and low > 0 and high > 50 * low:
        axes.set_yscale("log")


def _epochs(axes: Axes, record: Record) -> None:
    epochs = max(len(values) for values in record.history.values())
    axes.set(xlabel="epoch", xlim=(0.5, epochs + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.axvline(record.best_epoch, color=INK, linestyle=":", linewidth=1.2, label=_kept(record))


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
