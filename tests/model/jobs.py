"""Jobs on the planted data, one epoch of training, and what their models give."""

from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from pipeline import compose, config
from pipeline.model import encode, export_model
from pipeline.model.stand_in import stand_ins

PARTS = ["branches=image_series", "branches.image.filters=[4]", "branches.series.filters=[4]"]


def job(folder: Path, *overrides: str) -> Any:
    words = [f"hydra.searchpath=[file://{folder}]", "data=planted", "heads=planted", *PARTS, *overrides]
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=words)
    return compose.compose_job(cfg, folders=[folder])


def train(made: Any, epochs: int = 1) -> Any:
    for _ in range(epochs):
        rows = made.rows["train"]
        last = made.trainer.train(rows, np.arange(len(rows)), np.ones(3, "float32"))
    return last


def features_of(made: Any, split: str, name: str) -> np.ndarray:
    """A branch's features of a split's rows."""
    return np.asarray(encode(made.model, made.rows[split].inputs, training=False)[name])


def exported(made: Any) -> Any:
    vectors = stand_ins(made.model, made.rows["train"])
    return export_model(made.dataset.inputs, made.model, made.presenter, vectors)
