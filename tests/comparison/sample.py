"""Predictions of runs whose scores are known."""

import numpy as np
import pandas as pd

from pipeline.comparison.verdicts import Contender


def predictions(rows: int = 400, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """About 80 % of class are correct, score is off by about 1; a shift makes both worse on every row."""
    rng = np.random.default_rng(0)
    own = np.random.default_rng(seed)
    truth = rng.normal(size=rows)
    label = np.array(["a", "b"], object)[rng.integers(0, 2, rows)]
    correct = rng.uniform(size=rows) > 0.2 + shift
    return pd.DataFrame(
        {
            "row": np.arange(rows) * 2,
            "class_label": label,
            "class_predicted": np.where(correct, label, "c"),
            "class_probability": 0.9,
            "class_probabilities": [[0.9, 0.1]] * rows,
            "class_loss": np.where(correct, 0.1, 2.0) + 0.01 * own.normal(size=rows),
            "score_label": truth,
            "score_predicted": truth + 1 + shift + 0.1 * own.normal(size=rows),
            "score_loss": (1 + shift) ** 2,
        }
    )


def contender(name: str, frame: pd.DataFrame, **params: str) -> Contender:
    return Contender(f"id-{name}", name, params, {}, {"test": frame, "val": frame})
