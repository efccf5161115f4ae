"""How long to train: what `auto` in the trainer's settings means for the rows at hand.

What makes the difference between small and large data is the number of updates: 20 epochs of 240 rows are 160
of them, too few for any model.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf

SMALLEST_BATCH, LARGEST_BATCH = 32, 256
ROWS_AT_SMALLEST = 32_000  # from here on the batch grows with the rows, so that an epoch stays about as long
UPDATES = 1500  # at least so many …
FEWEST_EPOCHS, MOST_EPOCHS = 20, 100  # … but for data so small that it would be seen too often
FEWEST_PATIENT = 8


def settle(cfg: DictConfig, rows: int) -> DictConfig:
    """The config with numbers in place of `auto` in `trainer.batch_size`, `.epochs` and the patience.

    Args:
        rows: of the training split.
    """
    trainer = cfg.trainer
    settled: dict[str, Any] = {}
    batch = batch_size(rows) if trainer.batch_size == "auto" else trainer.batch_size
    epochs = epochs_for(rows, batch * trainer.accumulate) if trainer.epochs == "auto" else trainer.epochs
    stopping = trainer.early_stopping
    if stopping and stopping.patience == "auto":
        settled["early_stopping"] = {"patience": max(FEWEST_PATIENT, epochs // 3)}
    settled |= {"batch_size": batch, "epochs": epochs}
    return OmegaConf.merge(cfg, {"trainer": settled})  # type: ignore[return-value]


def batch_size(rows: int) -> int:
    """Rows per update: 32, doubled with every doubling of the rows beyond 32,000, up to 256."""
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and rows > ROWS_AT_SMALLEST * size // SMALLEST_BATCH:
        size *= 2
    return size


def epochs_for(rows: int, batch: int) -> int:
    """Epochs that make 1,500 updates of `batch` rows, but from 20 to 100 of them."""
    updates = -(-rows // batch)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-UPDATES // updates)))
