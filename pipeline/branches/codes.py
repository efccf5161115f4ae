"""Integer codes of words and categories."""

from keras import KerasTensor, layers, ops


def hide(codes: KerasTensor, share: float, unseen: int, name: str) -> KerasTensor:
    """Replace a random share of the codes with `unseen` in training.

    Every training value is in the vocabulary, so otherwise the embedding of `unseen` would never be trained
    and a new value would look like noise to the model.

    Args:
        codes: integers of any shape and type; 0 is never replaced.
    """
    if not share:
        return codes
    ones = ops.ones_like(codes, dtype="float32")
    kept = layers.Dropout(share, dtype="float32", name=f"{name}_hide")(ones)
    return ops.where(ops.logical_or(kept > 0, ops.equal(codes, 0)), codes, unseen)
