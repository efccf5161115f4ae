"""A data set with an input and a target of each kind, and models of it."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline import branches, fusion, heads
from pipeline.model import build_model, build_presenter

rng = np.random.default_rng(0)
ROWS = 60
LENGTHS = np.append(rng.integers(1, 20, ROWS - 1), 20)
SOURCE = {
    "image": rng.integers(0, 255, (ROWS, 12, 12, 1)).astype("uint8"),
    "series": rng.normal(size=(ROWS, 20, 3)).astype("float32"),
    "length": LENGTHS,
    "vector": np.where(rng.random((ROWS, 4)) < 0.1, np.nan, rng.normal(5, 3, (ROWS, 4))),
    "amount": rng.normal(100, 20, ROWS),
    "colour": np.array(["red", "green", "blue"])[np.arange(ROWS) % 3],
    "class": np.arange(ROWS) % 3,
    "score": rng.normal(50, 10, ROWS),
    "late": (np.arange(ROWS) // 2 % 2).astype(float),
    "split": np.repeat([0, 1, 2], ROWS // 3),
}
INPUTS = {
    "image": {"kind": "image", "column": "s.image"},
    "series": {"kind": "series", "column": "s.series", "length": "s.length"},
    "vector": {"kind": "vector", "column": "s.vector"},
    "table": {"kind": "table", "numeric": ["s.amount"], "categorical": ["s.colour"]},
}
TARGETS = {
    "class": {"kind": "category", "column": "s.class"},
    "score": {"kind": "number", "column": "s.score"},
    "late": {"kind": "binary", "column": "s.late"},
}
SPLIT = {"column": "s.split", "train": 0, "val": 1, "test": 2}
BRANCHES = {
    "image": branches.Conv2D(filters=[4, 4], pooling="flatten", units=[8]),
    "series": branches.Conv1D(filters=[4, 4]),
    "vector": branches.Dense(units=[6]),
    "table": branches.Table(units=[6], embedding=2),
}
HEADS = {
    "class": heads.Multiclass(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), units=[5]),
    "score": heads.Regression(loss=keras.losses.MeanSquaredError()),
    "late": heads.Binary(loss=keras.losses.BinaryCrossentropy(from_logits=True), dropout=0.1),
}
FUSIONS = [fusion.Concatenate(units=[7]), fusion.Add(width=7, units=[6], dropout=0.1), fusion.Gated(width=7)]


def make(
    dataset: Any, fused: Any, names: Sequence[str] = tuple(BRANCHES), missing: Sequence[str] = ()
) -> Any:
    """A model with some of the branches, and its presenter."""
    keras.utils.set_random_seed(1)
    parts = {name: BRANCHES[name] for name in names}
    model = build_model(dataset.inputs, dataset.targets, parts, fused, HEADS, missing)
    return model, build_presenter(dataset.targets, HEADS)


def tensors(raw: dict[str, Any]) -> dict[str, Any]:
    """Raw values as a model takes them."""
    return {
        name: tf.constant(values[:].astype(str) if values.dtype == object else values[:])
        for name, values in raw.items()
    }
