"""What is measured of each raw input: one value, category or text per row."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.data.dataset import Dataset
from pipeline.data.missing import is_missing

MOST_ROWS = 50_000  # training rows that are summarised
MOST_STREAMED = 2_000  # of these, if they are read from files again
MOST_COLUMNS = 512  # of one vector
PADDING, UNSEEN = 0, 1  # ids of words


@dataclass(frozen=True)
class Measure:
    """What is measured of some rows.

    Args:
        name: of the column, such as `traits.island` or `image brightness`.
        kind: "number", "category", or "words".
        values: (rows,) float64, NaN = missing; (rows,) words, "" = missing; or (rows, tokens) ids of words.
    """

    name: str
    kind: Literal["number", "category", "words"]
    values: np.ndarray


def training_measures(dataset: Dataset) -> list[Measure]:
    """Measure the training rows, or some of them that are spread evenly."""
    part = dataset.splits["train"]
    most = MOST_STREAMED if dataset.streamed else MOST_ROWS
    rows = np.unique(np.linspace(0, len(part.rows) - 1, min(most, len(part.rows))).astype(int))
    found: list[Measure] = []
    for name, source in dataset.inputs.items():
        raw = {key: np.asarray(part.raw[key][rows]) for key in source.specs()}
        tokens, vocabulary = None, 0
        if source.kind == "text":
            longest = source.vocabularies[2] if len(source.vocabularies) > 1 else None
            tokens, vocabulary = np.asarray(part.prepared[name][rows])[:, :longest], source.vocabularies[0]
        found += measures(name, source, raw, tokens, vocabulary)
    return found


def measures(
    name: str,
    source: Any,
    raw: Mapping[str, np.ndarray],
    tokens: np.ndarray | None = None,
    vocabulary: int = 0,
) -> Iterator[Measure]:
    """Yield what is measured of one input.

    Args:
        source: the fitted or restored input.
        raw: raw model input -> (rows, …), of this input.
        tokens: (rows, tokens) ids of the words of a text, 0 = none, 1 = not in the vocabulary.
        vocabulary: the number of ids.
    """
    if source.kind == "table":
        categories = source.category_names()
        for key, values in raw.items():
            yield _category(key, values) if key in categories else _number(key, values)
    elif tokens is not None:
        yield from _of_text(name, tokens, vocabulary)
    elif source.kind == "series":
        yield from _of_series(name, raw[name])
    elif source.kind == "image":
        yield from _of_arrays(name, raw[name], {"brightness": np.mean, "contrast": np.std})
    else:
        for key, values in raw.items():
            yield from _of_any(key, values)


def _number(name: str, values: np.ndarray) -> Measure:
    return Measure(name, "number", np.asarray(values, np.float64))


def _category(name: str, values: np.ndarray) -> Measure:
    if values.dtype.kind == "f":
        words = np.array([f"{value:.15g}" for value in np.unique(values)], dtype=object)
        words = words[np.unique(values, return_inverse=True)[1].reshape(-1)]
        return Measure(name, "category", np.where(np.isnan(values), "", words))
    return Measure(name, "category", np.where(is_missing(values), "", values))


def _of_text(name: str, tokens: np.ndarray, vocabulary: int) -> Iterator[Measure]:
    counts = (tokens != PADDING).sum(axis=1)
    # The ids follow the frequency; an unseen word is as rare as the last one.
    ranks = np.where(tokens == UNSEEN, vocabulary, tokens)
    rarity = np.where(tokens == PADDING, 0.0, np.log1p(ranks)).sum(axis=1) / np.maximum(counts, 1)
    yield Measure(f"{name} words", "words", tokens)
    yield _number(f"{name} length", np.where(counts == 0, np.nan, counts))
    yield _number(f"{name} rarity of words", np.where(counts == 0, np.nan, rarity))


def _of_series(name: str, values: np.ndarray) -> Iterator[Measure]:
    present = ~np.isnan(values).all(axis=2)
    steps = values.shape[1] - np.argmax(present[:, ::-1], axis=1)
    yield _number(f"{name} steps", np.where(present.any(axis=1), steps, np.nan))
    gaps = np.isnan(values).mean(axis=2) * (np.arange(values.shape[1]) < steps[:, None])
    yield _number(
        f"{name} missing steps",
        np.where(present.any(axis=1), gaps.sum(axis=1) / np.maximum(steps, 1), np.nan),
    )
    for channel in range(values.shape[2]):
        where = f"{name} channel {channel}" if values.shape[2] > 1 else name
        yield from _of_arrays(where, values[:, :, channel], {"mean": np.nanmean, "spread": np.nanstd})


def _of_arrays(name: str, values: np.ndarray, functions: Mapping[str, Any]) -> Iterator[Measure]:
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    for word, function in functions.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # rows without any value are NaN
            yield _number(f"{name} {word}", function(flat, axis=1))


def _of_any(name: str, values: np.ndarray) -> Iterator[Measure]:
    """A vector's columns; of an input of another kind, which may be the user's own, the mean and spread."""
    if values.dtype.kind not in "fiub":
        if values.ndim == 1:
            yield _category(name, values)
    elif values.ndim == 1:
        yield _number(name, values)
    elif values.ndim == 2:
        for column in range(min(values.shape[1], MOST_COLUMNS)):
            yield _number(f"{name}.{column}", values[:, column])
    else:
        yield from _of_arrays(name, values, {"mean": np.nanmean, "spread": np.nanstd})
