"""Replaces `auto` in the settings of the trainer, branches and fusion by numbers that suit the training rows.

Those of the trainer aim at a number of updates, because epochs differ: 20 epochs of 240 rows are only 160
updates, too few for any model.
"""

import logging
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pipeline.loss_weights import AUTO, of_share

logger = logging.getLogger(__name__)

SMALLEST_BATCH, LARGEST_BATCH = 32, 256
MOST_ROWS_AT_SMALLEST = 32_000  # with more rows the batch grows, so that an epoch takes about as long
UPDATES = 1500  # at least, unless that takes more than MOST_EPOCHS
FEWEST_EPOCHS, MOST_EPOCHS = 20, 100
SMALLEST_PATIENCE = 8
# With few rows the encoding of numbers by bins overfits, see docs/quality.md.
BINS, FEWEST_ROWS_FOR_BINS = 16, 2000
FEWEST_ROWS_FOR_SKIP = 100  # a linear path from a few dozen rows goes far beyond the labels
HEAD_UPDATES, SMALLEST_HEAD_PATIENCE = 300, 5  # a head may overfit long before the others have learned


def settle(cfg: DictConfig, rows: int, labelled: Mapping[str, float] | None = None) -> DictConfig:
    """Replaces `auto` by numbers: batch size, epochs and patience, `bins`, `skip`, and loss weights.

    Args:
        rows: the number of training rows.
        labelled: head -> share of its training labels that are not missing; None: none is missing.
    """
    trainer = cfg.trainer
    settled: dict[str, Any] = {}
    batch = batch_size(rows) if trainer.batch_size == "auto" else trainer.batch_size
    epochs = epochs_for(rows, batch * trainer.accumulate) if trainer.epochs == "auto" else trainer.epochs
    stopping = trainer.early_stopping
    if stopping:
        automatic = {
            "patience": max(SMALLEST_PATIENCE, epochs // 3),
            "head_patience": max(SMALLEST_HEAD_PATIENCE, -(-HEAD_UPDATES // -(-rows // batch))),
        }
        settled["early_stopping"] = {
            option: value for option, value in automatic.items() if stopping.get(option) == "auto"
        }
    settled |= {"batch_size": batch, "epochs": epochs}
    by_rows = {
        "bins": BINS if rows >= FEWEST_ROWS_FOR_BINS else 0,
        "skip": rows >= FEWEST_ROWS_FOR_SKIP,
    }
    branches = {name: _settled(branch, by_rows) for name, branch in cfg.branches.items()}
    weights = {
        name: _loss_weight(name, (labelled or {}).get(name, 1.0))
        for name, weight in cfg.loss_weights.items()
        if weight == AUTO
    }
    settled_groups = {
        "trainer": settled,
        "branches": branches,
        "fusion": _settled(cfg.fusion, by_rows),
        "loss_weights": weights,
    }
    return OmegaConf.merge(cfg, settled_groups)  # type: ignore[return-value]


def _settled(part: DictConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in values.items() if part.get(option) == "auto"}


def _loss_weight(head: str, share: float) -> float:
    weight = of_share(share)
    if weight < 1:
        logger.warning(
            "loss_weights.%s=%s, because %.3g %% of its training labels are there", head, weight, 100 * share
        )
    return weight


def batch_size(rows: int) -> int:
    """Rows per batch: 32 up to 32,000 rows, doubled each time the rows double, at most 256."""
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and rows > MOST_ROWS_AT_SMALLEST * size // SMALLEST_BATCH:
        size *= 2
    return size


def epochs_for(rows: int, batch: int) -> int:
    """The epochs that give 1,500 updates of `batch` rows each, but at least 20 and at most 100."""
    updates = -(-rows // batch)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-UPDATES // updates)))
