"""Probabilities that mean what they say: a head's logits divided by one number.

Temperature scaling (Guo et al. 2017, arXiv:1706.04599). The division is done in the weights of the head's
last layer, so losses, metrics, predictions and the logged model all have it; no class overtakes another.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logsumexp

from pipeline.job.job import Job
from pipeline.labels import complete_rows, labelled_cells
from pipeline.model.layer_names import head_layer, output_layer
from pipeline.training.measure import measure

Array = NDArray[Any]
LARGEST = 5.0  # of the temperature's logarithm, either way


def calibrate(job: Job) -> dict[str, float]:
    """Divide the logits of the heads that ask for it by the temperature that fits the validation rows best.

    Returns:
        `calibration/<head>_temperature`, and `…_ece_before` and `…_loss_before` of these rows.
    """
    heads = [name for name, head in job.heads.items() if getattr(head, "calibrate", None)]
    if not heads:
        return {}
    passed = job.trainer.evaluate(job.rows["val"])
    before = measure("val", passed, job.references["val"], job.loss_weights)
    numbers = {}
    for name in heads:
        labels = job.dataset.splits["val"].labels[name]
        found = temperature(passed.raw[name], labels, job.dataset.targets[name].kind)
        divide(job.model, name, found)
        numbers[f"calibration/{name}_temperature"] = found
        numbers |= {
            f"calibration/{name}_{word}_before": before.heads[name][word]
            for word in ("ece", "loss")
            if word in before.heads[name]
        }
    return numbers


def temperature(logits: Array, labels: Array, kind: str) -> float:
    """The number by which logits are divided for the largest likelihood of the labels.

    Args:
        logits: (rows, classes); of other kinds than category (rows, columns), each of a yes.
        labels: of a category codes (rows,), -1 where missing, or distributions (rows, classes), NaN where
            missing; else 0, 1 and NaN (rows, columns).
        kind: of the target.
    """
    logits = logits.astype(float)
    if kind == "category":
        there, shares = _shares(labels, logits.shape[1])
        logits = logits[there]

        def cost(by: float) -> float:
            return float(np.mean(logsumexp(logits / by, axis=1) - np.sum(shares * logits, axis=1) / by))
    else:
        signs = np.where(labels > 0.5, logits, -logits)[labelled_cells(labels)]

        def cost(by: float) -> float:
            return float(-np.mean(log_expit(signs / by)))

    found = minimize_scalar(lambda power: cost(np.exp(power)), bounds=(-LARGEST, LARGEST), method="bounded")
    return float(np.exp(found.x))


def _shares(labels: Array, classes: int) -> tuple[Array, Array]:
    """Which rows have a label, and theirs as distributions."""
    there = complete_rows(labels)
    return there, np.eye(classes)[labels[there]] if labels.ndim == 1 else labels[there].astype(float)


def divide(model: Any, name: str, by: float) -> None:
    """Divide what a head's last layer gives, by dividing its weights."""
    layer = model.get_layer(head_layer(name)).get_layer(output_layer(name))
    layer.set_weights([weights / by for weights in layer.get_weights()])
