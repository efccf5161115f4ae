"""One number for a model of several heads against models of one head each."""

from collections.abc import Mapping

from pipeline.errors import ConfigError


def delta_m(
    values: Mapping[str, float], baselines: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> float:
    """Δm in percent: the mean over metrics of how much worse than the baseline each is. Lower is better.

    Δm = 100 / K Σ (-1)^l_i (M_i - B_i) / B_i, l_i = 1 where higher is better (Maninis, Radosavovic & Kokkinos
    2019, arXiv:1904.08918, with the sign of the later papers). It says nothing where a baseline is near 0.

    Args:
        values: metric -> value of the model.
        baselines: metric -> value of the model that learns this head alone; not 0.
        higher_is_better: metric -> whether more is better.

    Raises:
        ConfigError: the three do not have the same metrics, or a baseline is 0.

    Example:
        >>> round(delta_m({"accuracy": 0.74}, {"accuracy": 0.75}, {"accuracy": True}), 3)
        1.333
    """
    for other in (baselines, higher_is_better):
        if set(other) != set(values):
            raise ConfigError("delta_m", "not the same metrics", found=sorted(other), allowed=sorted(values))
    if zeros := [name for name, baseline in baselines.items() if baseline == 0]:
        raise ConfigError(f"delta_m: {zeros[0]}", "the baseline is 0, so there is no relative change")
    changes = [
        (-1 if higher_is_better[name] else 1) * (value - baselines[name]) / baselines[name]
        for name, value in values.items()
    ]
    return 100 * sum(changes) / len(changes)
