"""Codes of words and categories, a few of which are taken for unseen ones in training."""

from keras import KerasTensor, layers, ops


def hide(codes: KerasTensor, share: float, unseen: int, name: str) -> KerasTensor:
    """Replace a share of the codes by `unseen` in training, at random.

    Every training value is in the vocabulary, so without this the embedding of `unseen` would never learn
    and a new value would be noise when the model is used.

    Args:
        codes: whole numbers of any shape and type; 0 is left alone.
    """
    if not share:
        return codes
    ones = ops.ones_like(codes, dtype="float32")
    kept = layers.Dropout(share, dtype="float32", name=f"{name}_hide")(ones)
    return ops.where(ops.logical_or(kept > 0, ops.equal(codes, 0)), codes, unseen)
