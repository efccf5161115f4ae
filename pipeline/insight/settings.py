"""How closely to look."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Insight:
    """How closely to look.

    Args:
        probe_rows: training rows on which gradients are taken each epoch; 0 for none.
        probe_batches: parts of the probe. A gradient's size is the mean over them, and a conflict of two
            heads is counted in each. More parts of the same rows count finer and are noisier each.
        by_part: also say how often heads pull apart on every single branch and on the fusion.
        repeats: permutations per branch on the validation rows, after the training; 0 for none.
        rows: at most this many validation rows; null for all.
    """

    probe_rows: int
    probe_batches: int
    by_part: bool
    repeats: int
    rows: int | None = None
