"""A table that is split in many ways."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline import data

ROWS = 400
RANDOM = np.random.default_rng(1)
FRAME = pd.DataFrame(
    {
        "id": [f"row {number}" for number in range(ROWS)],
        "a": RANDOM.normal(size=ROWS),
        "kind": RANDOM.choice(["x", "y", "z", ""], ROWS, p=[0.6, 0.2, 0.15, 0.05]),
        "amount": RANDOM.normal(50, 10, ROWS),
        "lists": [[1]] * ROWS,
        "person": RANDOM.integers(0, 60, ROWS),
        "day": pd.date_range("2024-01-01", periods=ROWS // 4).repeat(4).strftime("%Y-%m-%d"),
    }
)
# Without columns that look like classes, of which rows would be moved to training.
PLAIN = FRAME[["id", "a", "kind", "amount"]]
FRACTIONS: dict[str, Any] = {"fractions": [0.7, 0.15, 0.15], "seed": 0}


def loaded(split: dict[str, Any], frame: pd.DataFrame = FRAME, **options: Any) -> Any:
    inputs = {"x": {"kind": "vector", "column": "s.a"}}
    targets = {
        "kind": {"kind": "category", "column": "s.kind"},
        "amount": {"kind": "number", "column": "s.amount"},
    }
    return data.load({"s": frame}, inputs, targets, split, **options)
