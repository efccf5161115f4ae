"""An evaluation whose errors are known."""

from types import SimpleNamespace

import numpy as np

from pipeline.finished.evaluation import Evaluation
from pipeline.training.epoch import Epoch
from pipeline.training.measure import Reference

BASELINE = 10.0  # loss of the best constant on every row


def evaluation(errors, rows=12):
    """Number heads with these errors: head -> one error, or (rows,) errors, NaN for a row without a label."""
    numbers = np.arange(rows)
    errors = {head: np.broadcast_to(np.asarray(error, float), rows) for head, error in errors.items()}
    truth = {head: np.where(np.isnan(error), np.nan, numbers)[:, None] for head, error in errors.items()}
    outputs = {head: (numbers + np.nan_to_num(error))[:, None] for head, error in errors.items()}
    losses = {head: error**2 for head, error in errors.items()}
    means = {head: np.nanmean(loss) for head, loss in losses.items()}
    return Evaluation(
        rows=SimpleNamespace(rows=numbers, raw={}, labels={}),
        references={head: Reference("number", truth[head], ["mae"], [], BASELINE) for head in errors},
        epoch=Epoch(means, 0.0, {}, {}, outputs, outputs, numbers, 0.0),
        row_losses=losses,
        row_baseline_losses={head: np.where(np.isnan(losses[head]), np.nan, BASELINE) for head in errors},
        heads={head: SimpleNamespace(loss=object(), point=lambda outputs: outputs) for head in errors},
        targets={head: SimpleNamespace(names=["value"]) for head in errors},
    )
