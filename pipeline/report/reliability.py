"""Reliability diagrams: whether predicted probabilities match observed frequencies."""

import numpy as np

from pipeline.labels import class_codes
from pipeline.metrics import reliability
from pipeline.page.elements import Drawing
from pipeline.page.style import GREY, INK, SPLITS, number, panels
from pipeline.report.record import HeadResult


def predicted_and_observed(head: HeadResult) -> tuple[np.ndarray, np.ndarray] | None:
    """Predicted probabilities of labelled test rows and whether they came true, (predictions,) each.

    A category head predicts its most likely class, binary and labels heads predict "yes" for each column.
    None for number heads, and if no row is labelled.
    """
    if head.kind == "number":
        return None
    if head.kind == "category":
        truth = class_codes(head.labels)
        known = truth >= 0
        predicted = head.outputs.max(axis=1)[known]
        observed = (head.outputs.argmax(axis=1) == truth)[known]
    else:
        known = np.isfinite(head.labels)
        predicted, observed = head.outputs[known], head.labels[known] > 0.5
    return (predicted, observed) if len(predicted) else None


def reliability_drawing(name: str, head: HeadResult) -> Drawing | None:
    """Observed frequency by predicted probability, and the number of predictions; None for number heads."""
    pair = predicted_and_observed(head)
    if pair is None:
        return None
    predicted, observed = pair
    counts, hits, sums = reliability(observed, predicted)
    used = counts > 0
    width = 1 / len(counts)
    edges = np.arange(len(counts)) * width
    figure, (shares, rows) = panels(2, height=3.3, width=8.4)
    shares.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    share, mean = hits[used] / counts[used], sums[used] / counts[used]
    shares.bar(edges[used], share, width, align="edge", color=SPLITS["test"], alpha=0.45, edgecolor="white")
    shares.plot(mean, share, "o", color=INK, markersize=4)
    shares.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="observed frequency")
    error = f"expected calibration error {number(head.test['ece'])}" if "ece" in head.test else ""
    shares.set_title(error)
    rows.bar(edges, counts, width, align="edge", color=SPLITS["test"], edgecolor="white")
    rows.set(
        xlim=(0, 1),
        xlabel="predicted probability",
        ylabel="predictions",
        title=f"{len(predicted):,} predictions",
    )
    caption = (
        f"Predicted probability of {name} against observed frequency. Below the dotted line: overconfident; "
        "above it: underconfident. Dots: means of the bins."
    )
    alt = f"Reliability diagram of head {name}{error and ': ' + error}."
    return Drawing(figure, caption, alt)
