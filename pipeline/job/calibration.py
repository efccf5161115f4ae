"""Calibrates the probabilities of class heads by temperature scaling: the logits are divided by one number.

The method is that of Guo et al. 2017, arXiv:1706.04599. Here the weights of the head's last layer are
divided, so that losses, metrics, predictions and the logged model all use the calibrated logits. The order of
the classes does not change.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logsumexp

from pipeline.job.job import Job
from pipeline.labels import complete_rows, labelled_cells
from pipeline.model.layer_names import head_layer, output_layer
from pipeline.training.measure import measure

Array = NDArray[Any]
LOG_BOUND = 5.0  # bound on the absolute value of the temperature's logarithm
# Expected spread of the temperature's logarithm: a prior with the weight of about one row. Where the most
# probable class is right in all of few rows, the likelihood alone has its maximum at the temperature 0, and
# the first wrong row of others would cost a loss of hundreds.
LOG_SPREAD = 0.5


def calibrate(job: Job) -> dict[str, float]:
    """Calibrate the heads that have `calibrate`, each with the best temperature for the validation rows.

    Returns:
        The metrics `calibration/<head>_temperature`, and `…_ece_before` and `…_loss_before`, the validation
        metrics before the calibration.
    """
    heads = [name for name, head in job.heads.items() if getattr(head, "calibrate", None)]
    if not heads:
        return {}
    epoch = job.trainer.evaluate(job.rows["val"])
    before = measure("val", epoch, job.references["val"], job.loss_weights)
    metrics = {}
    for name in heads:
        labels = job.dataset.splits["val"].labels[name]
        best = temperature(epoch.raw[name], labels, job.dataset.targets[name].kind)
        divide(job.model, name, best)
        metrics[f"calibration/{name}_temperature"] = best
        metrics |= {
            f"calibration/{name}_{word}_before": before.heads[name][word]
            for word in ("ece", "loss")
            if word in before.heads[name]
        }
    return metrics


def temperature(logits: Array, labels: Array, kind: str) -> float:
    """Return the most probable temperature: by the likelihood of the labels, and near 1 where rows are few.

    The prior of its logarithm is a normal distribution around 0, with a standard deviation of `LOG_SPREAD`.

    Args:
        logits: (rows, classes) for a category; else (rows, columns), logits of yes.
        labels: for a category codes (rows,), -1 where missing, or distributions (rows, classes), NaN where
            missing; else (rows, columns) of 0, 1 and NaN.
        kind: kind of the target.
    """
    logits = logits.astype(float)
    if kind == "category":
        labelled, distributions = _distributions(labels, logits.shape[1])
        logits = logits[labelled]

        def loss(by: float) -> float:
            return float(np.sum(logsumexp(logits / by, axis=1) - np.sum(distributions * logits, axis=1) / by))
    else:
        margins = np.where(labels > 0.5, logits, -logits)[labelled_cells(labels)]

        def loss(by: float) -> float:
            return float(-np.sum(log_expit(margins / by)))

    bounds = (-LOG_BOUND, LOG_BOUND)
    found = minimize_scalar(
        lambda log: loss(np.exp(log)) + (log / LOG_SPREAD) ** 2 / 2, bounds=bounds, method="bounded"
    )
    return float(np.exp(found.x))


def _distributions(labels: Array, classes: int) -> tuple[Array, Array]:
    """Return which rows have a label, and the labels of these rows as distributions."""
    labelled = complete_rows(labels)
    return labelled, np.eye(classes)[labels[labelled]] if labels.ndim == 1 else labels[labelled].astype(float)


def divide(model: keras.Model, name: str, by: float) -> None:
    """Divide a head's logits, by dividing the weights of its last layer."""
    layer = model.get_layer(head_layer(name)).get_layer(output_layer(name))
    layer.set_weights([weights / by for weights in layer.get_weights()])
