"""Whether a class head's probabilities mean what they say."""

import numpy as np

from pipeline.labels import class_codes
from pipeline.metrics import calibration_error, reliability
from pipeline.page.elements import Drawing
from pipeline.page.style import COLOURS, GREY, INK, number, panels
from pipeline.report.record import HeadResult


def said_and_true(head: HeadResult) -> tuple[np.ndarray, np.ndarray] | None:
    """What was said with which probability, and whether it came true, (rows,) each, over labelled test rows.

    Of a category the likeliest class, of yes or no every yes; None for numbers, and without any label.
    """
    if head.kind == "number":
        return None
    if head.kind == "category":
        truth = class_codes(head.labels)
        known = truth >= 0
        said, true = head.outputs[known].max(axis=1), head.outputs[known].argmax(axis=1) == truth[known]
    else:
        known = np.isfinite(head.labels)
        said, true = head.outputs[known], head.labels[known] > 0.5
    return (said, true) if len(said) else None


def reliability_drawing(name: str, head: HeadResult) -> Drawing | None:
    """Share of what came true by the probability with which it was said, and how often it was said."""
    found = said_and_true(head)
    if found is None:
        return None
    said, true = found
    counts, hits, sums = reliability(true, said)
    used = counts > 0
    width = 1 / len(counts)
    edges = np.arange(len(counts)) * width
    figure, (shares, rows) = panels(2, height=3.3, width=8.4)
    shares.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    share, mean = hits[used] / counts[used], sums[used] / counts[used]
    shares.bar(edges[used], share, width, align="edge", color=COLOURS[4], edgecolor="white")
    shares.plot(mean, share, "o", color=INK, markersize=4)
    error = calibration_error(true, said)
    shares.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share that came true")
    shares.set_title(f"expected calibration error {number(error)}")
    rows.bar(edges, counts, width, align="edge", color=COLOURS[0], edgecolor="white")
    rows.set(xlim=(0, 1), xlabel="probability", ylabel="answers", title=f"{len(said):,} answers")
    caption = (
        f"What {name} says with a probability and how often it came true. Below the dotted line "
        "it promises too much, above too little; dots are the bins' means."
    )
    alt = f"Reliability diagram of head {name}: expected calibration error {number(error)}."
    return Drawing(figure, caption, alt)
