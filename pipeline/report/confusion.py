"""Confusion matrices of category heads."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.sparse import csr_array

from pipeline.labels import class_codes
from pipeline.page.elements import Drawing, Table
from pipeline.page.style import AMOUNT, DARK, INK, SPLITS, WIDTH, class_labels, numbered, panels
from pipeline.report.record import HeadResult

_MOST_CLASSES = 40  # of more classes, only a part of the matrix is drawn
_PART_CLASSES = 26
_MOST_PAIRS = 20
_MOST_COLUMNS = 1000  # of the matrix as a CSV


def confusion_counts(head: HeadResult) -> csr_array:
    """(classes, classes) counts of labelled test rows, true class by predicted class.

    They are sparse, because 10,000 classes have 100 million cells, of which at most one per row is not 0.
    """
    truth = class_codes(head.labels)
    classes = len(head.names)
    known = truth >= 0
    guess = head.outputs.argmax(axis=1)[known]
    counts = csr_array((np.ones(len(guess), dtype=int), (truth[known], guess)), shape=(classes, classes))
    counts.sum_duplicates()
    return counts


def confusion_drawings(name: str, head: HeadResult) -> dict[str, Drawing]:
    """The confusion matrix; of more than 40 classes its part with most errors, and the confused pairs."""
    counts = confusion_counts(head)
    labels = class_labels(head.names)
    rows = int(counts.sum())
    if len(labels) <= _MOST_CLASSES:
        figure = _grid(counts.toarray(), counts.sum(axis=1), labels)
        caption = (
            f"{rows:,} test rows by true and predicted class; correct predictions are on the diagonal. "
            "Colour: share of the true class."
        )
        return {f"confusion_{name}": Drawing(figure, caption, _alt(name, counts, head.names))}
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    busiest = np.sort(np.argsort(-errors, kind="stable")[:_PART_CLASSES])
    figure = _grid(
        counts[busiest][:, busiest].toarray(),
        counts.sum(axis=1)[busiest],
        [labels[code] for code in busiest],
    )
    caption = (
        f"Part of the confusion matrix: the {len(busiest)} of {len(labels)} classes with the most errors "
        "on test rows."
    )
    drawings = {f"confusion_{name}": Drawing(figure, caption, _alt(name, counts, head.names))}
    if confused_pairs(counts):
        drawings[f"confused_{name}"] = _pair_bars(counts, labels, name)
    return drawings


def confusion_tables(name: str, head: HeadResult) -> dict[str, Table]:
    """Recall, precision and F1 per class; the most confused pairs; and the full matrix as a CSV.

    Of more than 1,000 classes, the CSV lists the cells of the matrix that are not 0.
    """
    counts = confusion_counts(head)
    hits, truth, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        scores = np.stack([hits / truth, hits / predicted, 2 * hits / (truth + predicted)], axis=1)
    names = numbered(head.names)
    classes: list[list[object]] = [
        [code, label, int(truth[code]), *map(float, scores[code])] for code, label in enumerate(names)
    ]
    pairs: list[list[object]] = [
        [
            names[true],
            names[guess],
            int(counts[true, guess]),
            float(counts[true, guess] / truth[true]),
        ]
        for true, guess in confused_pairs(counts)
    ]
    return {
        f"pairs_{name}": Table(
            ["true", "predicted", "rows", "share of the true class"],
            pairs,
            "Most confused pairs of classes on test rows.",
            show="folded",
        ),
        f"classes_{name}": Table(
            ["code", "class", "rows", "recall", "precision", "f1"],
            classes,
            "Recall, precision and F1 per class on test rows.",
            show="folded",
        ),
        f"confusion_{name}": _matrix(counts, head.names),
    }


def _matrix(counts: csr_array, names: list[str]) -> Table:
    if len(names) > _MOST_COLUMNS:
        found = counts.tocoo()
        cells: list[list[object]] = [
            [names[true], names[guess], int(rows)]
            for true, guess, rows in zip(found.row, found.col, found.data, strict=True)
        ]
        return Table(["true class", "predicted class", "rows"], cells, show="file")
    grid: list[list[object]] = [
        [label, *map(int, row)] for label, row in zip(names, counts.toarray(), strict=True)
    ]
    return Table(["true class", *names], grid, show="file")


def confused_pairs(counts: csr_array) -> list[tuple[int, int]]:
    """Up to 20 pairs (true, predicted) of different classes, most frequent first."""
    found = counts.tocoo()
    wrong = found.row != found.col
    true, guess, rows = found.row[wrong], found.col[wrong], found.data[wrong]
    order = np.lexsort((guess, true, -rows))[:_MOST_PAIRS]
    return [(int(true[place]), int(guess[place])) for place in order]


def _grid(counts: np.ndarray, of_class: np.ndarray, labels: list[str]) -> Figure:
    classes = len(labels)
    room = 0.07 * max(map(len, labels))
    side = min(8.6, max(2.4, 0.3 * classes))
    figure, (axes,) = panels(1, height=side + room, width=min(side + 1.6 + room, WIDTH))
    share = counts / np.maximum(of_class[:, None], 1)
    drawn = axes.imshow(share, cmap=AMOUNT, vmin=0, vmax=1, aspect="auto")
    for true, guess in zip(*np.nonzero(counts), strict=True):
        colour = "white" if share[true, guess] > DARK else INK
        size = 9 if classes <= 12 else 7
        axes.text(guess, true, counts[true, guess], ha="center", va="center", color=colour, fontsize=size)
    upright = max(map(len, labels)) > (3 if classes > 12 else 8)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_xticks(range(classes), labels, rotation=90 if upright else 0, fontsize=8 if classes > 12 else 9)
    axes.set_yticks(range(classes), labels, fontsize=8 if classes > 12 else 9)
    axes.grid(visible=False)
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.6, aspect=30)
    return figure


def _pair_bars(counts: csr_array, labels: list[str], name: str) -> Drawing:
    pairs = confused_pairs(counts)
    figure, (axes,) = panels(1, height=0.24 * len(pairs) + 0.5)
    bars = axes.barh(range(len(pairs)), [counts[pair] for pair in pairs], color=SPLITS["test"], height=0.7)
    axes.bar_label(bars, padding=2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.02)
    axes.set(
        xlabel="rows",
        yticks=range(len(pairs)),
        yticklabels=[f"{labels[t]} mistaken for {labels[p]}" for t, p in pairs],
    )
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    return Drawing(
        figure,
        "Most confused pairs of classes on test rows.",
        f"Most confused pairs of head {name}, as bars.",
    )


def _alt(name: str, counts: csr_array, names: list[str]) -> str:
    right = int(counts.diagonal().sum())
    pairs = confused_pairs(counts)[:3]
    worst = "; ".join(
        f"{names[true]} mistaken for {names[guess]} {counts[true, guess]} times" for true, guess in pairs
    )
    return f"Confusion matrix of head {name}: {right} of {counts.sum()} test rows correct. {worst}"
