"""After the training, each head's own layers go on alone, on the features that the kept epoch gives them.

The kept epoch is a compromise: one head may have needed more epochs, another fewer. What the heads share no
longer changes, so that no head can take anything from another. At the end the outputs of a head that says
more than it knows are moved towards a constant.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline import signals
from pipeline.data.feed import Rows, Stream, weight_key
from pipeline.labels import labelled_rows
from pipeline.model import decode, encode
from pipeline.model.layer_names import head_layer
from pipeline.training.head_loss import HeadLoss

FEWEST_LABELS = 150  # labelled validation rows; with fewer, their loss says too little about other rows
MOST_CELLS = 20_000_000  # of the training rows' features; more would take as long as several epochs
STEPS, RATE = 300, 0.001
CHECK, PATIENCE = 10, 100  # steps between looks at the validation loss, and without a lower one
GAIN = 1e-3  # share by which a loss must be lower to count as lower
BATCH = 256  # rows whose features are computed at a time
SHARES = np.linspace(0, 1, 21)  # of the outputs' distance from a constant
# Share by which the loss must be lower if outputs of classes are moved towards their shares instead of even
# odds, which leaves the most probable class of every row as it is.
BETTER = 0.01
EVEN, CONSTANT = "even odds", "the best constant"


@dataclass(frozen=True)
class Refit:
    """What a refit changed.

    Args:
        steps: those of the head's own layers.
        before, after: the head's validation loss.
        share: what is left of the outputs' distance from where they were moved.
        towards: where that is, in words.
    """

    steps: int
    before: float
    after: float
    share: float = 1.0
    towards: str = CONSTANT


def refit_heads(
    model: keras.Model,
    losses: Mapping[str, HeadLoss],
    rows: Mapping[str, Rows | Stream],
    heads: Collection[str],
    constants: Mapping[str, Any] | None = None,
) -> dict[str, Refit]:
    """Train the own layers of some heads, each for the number of steps with its lowest validation loss.

    Then the outputs of heads that end with a linear layer are moved towards a constant, as far as the
    validation loss falls: a head that learned nothing but noise ends as the best constant.

    All training rows are one batch, and the shared part runs only once. Left as they are: heads with fewer
    than `FEWEST_LABELS` labelled validation rows, and heads whose features of the training rows have more
    than `MOST_CELLS` cells.

    Args:
        constants: head -> the best constant for the training rows, a raw output (width,).

    Returns:
        Head -> what changed, for those whose validation loss fell.
    """
    parts = {head: model.get_layer(head_layer(head)) for head in heads}
    chosen = [
        head
        for head, part in parts.items()
        if part.trainable_variables
        and labelled_rows(np.asarray(rows["val"].labels[head])).sum() >= FEWEST_LABELS
        and part.input.shape[-1] * len(rows["train"]) <= MOST_CELLS
    ]
    if not chosen:
        return {}
    seen = {split: _features(model, rows[split], chosen) for split in ("train", "val")}
    found = {}
    for head in chosen:
        features = {split: by_layer[parts[head].reads] for split, (by_layer, _) in seen.items()}
        labels = {split: of_rows for split, (_, of_rows) in seen.items()}
        refit = _refit(parts[head], losses[head], head, features, labels)
        constant = (constants or {}).get(head)
        if constant is not None:
            refit = _shrink(parts[head], losses[head], features["val"], labels["val"][head], constant, refit)
        if refit.steps or refit.share < 1:
            found[head] = refit
    return found


def _features(
    model: keras.Model, rows: Rows | Stream, heads: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the heads read, by layer name, and the labels, both in the same order of rows."""
    features, labels = [], []
    for window, positions in rows.windows(rows.arrange(np.arange(len(rows)), BATCH), BATCH):
        for start in range(0, len(positions), BATCH):
            signals.check()
            batch = window.take(positions[start : start + BATCH])
            encoded = encode(model, dict(batch.inputs), training=False)
            features.append(decode(model, encoded, heads, training=False)[0])
            labels.append(dict(batch.labels))
    return tuple(  # type: ignore[return-value]
        {name: tf.concat([part[name] for part in pieces], axis=0) for name in pieces[0]}
        for pieces in (features, labels)
    )


def _refit(
    part: keras.Model,
    loss: HeadLoss,
    head: str,
    features: Mapping[str, Any],
    labels: Mapping[str, Mapping[str, Any]],
) -> Refit:
    """Train one head and leave the weights with the lowest validation loss in it.

    Args:
        features: by split, (rows, features).
        labels: by split, then by name; row weights are among them.
    """
    optimizer = keras.optimizers.Adam(RATE)
    variables = part.trainable_variables
    optimizer.build(variables)
    of_rows = labels["train"][head], labels["train"].get(weight_key(head))

    def descend() -> None:
        with tf.GradientTape() as tape:
            descended = loss.training_loss(of_rows[0], part(features["train"], training=True), of_rows[1])
        optimizer.apply(tape.gradient(descended, [variable.value for variable in variables]), variables)

    def val_loss() -> Any:
        return loss(labels["val"][head], part(features["val"], training=False))[0]

    step, validate = (
        tf.function(function, autograph=False).get_concrete_function() for function in (descend, val_loss)
    )
    before = lowest = float(validate())
    best, weights = 0, part.get_weights()
    for number in range(1, STEPS + 1):
        step()
        if number % CHECK:
            continue
        signals.check()
        value = float(validate())
        if value < lowest - GAIN * abs(lowest):
            best, lowest, weights = number, value, part.get_weights()
        elif not np.isfinite(value) or number - best >= PATIENCE:
            break
    part.set_weights(weights)
    return Refit(best, before, lowest)


def _shrink(
    part: keras.Model, loss: HeadLoss, features: Any, labels: Any, constant: np.ndarray, refit: Refit
) -> Refit:
    """Move the outputs towards a constant, as far as the validation loss falls.

    The last layer is changed, if it is linear: share x (kernel, bias) + (1 - share) x (0, constant). Logits
    are moved towards 0, or towards the best constant if that is clearly better.

    The loss of numbers, which a few rows decide, must fall by more than its standard error.

    Args:
        features, labels: of the validation rows.
        constant: the best one for the training rows, (width,).
    """
    last = part.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.activation is not keras.activations.linear:
        return refit
    outputs = part(features, training=False)

    def lowest(towards: np.ndarray) -> tuple[float, float]:
        values = [
            float(loss(labels, towards + np.float32(share) * (outputs - towards))[0]) for share in SHARES
        ]
        return min(zip(values, SHARES.tolist(), strict=True))

    (value, share), words = lowest(constant), CONSTANT
    if loss.kind != "number":
        even = np.zeros_like(constant)
        even_value, even_share = lowest(even)
        if even_value <= (1 + BETTER) * value:
            constant, value, share, words = even, even_value, even_share, EVEN
    least = GAIN * abs(refit.after)
    if loss.kind == "number":
        moved = constant + np.float32(share) * (outputs - constant)
        least = max(least, _noise(loss, labels, outputs, moved))
    if not value < refit.after - least:
        return refit
    last.kernel.assign(share * last.kernel)
    last.bias.assign(share * last.bias + (1 - share) * constant)
    return replace(refit, after=value, share=share, towards=words)


def _noise(loss: HeadLoss, labels: Any, before: Any, after: Any) -> float:
    """Return the standard error of the difference between two outputs' losses of the same rows."""
    before, after = (loss.row_losses(np.asarray(labels), np.asarray(outputs)) for outputs in (before, after))
    differences = before - after
    differences = differences[~np.isnan(differences)]
    return float(differences.std() / np.sqrt(len(differences)))
