"""The config of insight."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Insight:
    """The config of insight.

    Args:
        probe_rows: number of training rows whose gradients are computed after each epoch; 0: no gradients.
        probe_batches: number of batches into which the probe is divided. Gradient norms are means over the
            batches, and conflicts between heads are counted per batch. More batches give finer counts, but
            each batch is noisier.
        by_part: also log the conflicts on each branch and on the fusion.
        all_metrics: log every number of the flow to MLflow, and not only those that no other implies.
        repeats: permutations per branch on the validation rows after the training; 0: no contributions.
        rows: largest number of validation rows for the contributions; null for all.
    """

    probe_rows: int
    probe_batches: int
    by_part: bool
    repeats: int
    rows: int | None = None
    all_metrics: bool = False
