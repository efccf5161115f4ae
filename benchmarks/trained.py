"""Trains the job of a config without a run in MLflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from omegaconf import DictConfig

from pipeline import compose
from pipeline.config.auto_trainer import settle
from pipeline.config.make import maker
from pipeline.job.job import Job
from pipeline.training.keras_setup import set_up


def trained_job(
    cfg: DictConfig, folders: Sequence[Path], *, measured: Sequence[str] = ("train", "val")
) -> Job:
    """Train as `pipeline.train` does.

    Args:
        folders: folders in which relative paths are looked up, in this order.
        measured: splits whose metrics are computed in every epoch; the others save time.
    """
    keras.backend.clear_session()
    set_up(seed=cfg.seed, precision="float32", threads="auto", deterministic=False)
    make = maker()
    dataset = compose.load_data(cfg, make, folders=folders)
    cfg = settle(cfg, len(dataset.splits["train"].rows), dataset.labelled_shares())
    job = compose.build(cfg, dataset, make)
    heads: dict[str, Any] = {
        split: references if split in measured else {} for split, references in job.references.items()
    }
    compose.fit_job(cfg, job, heads=heads)
    return job
