"""One number that compares a model with several heads with one model per head."""

from collections.abc import Mapping

from pipeline.errors import ConfigError


def delta_m(
    values: Mapping[str, float], baselines: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> float:
    """Return Δm in percent: how much worse the metrics are than their baselines, on average; lower is better.

    Δm = 100 / K Σ (-1)^l_i (M_i - B_i) / B_i, l_i = 1 where higher is better (Maninis, Radosavovic & Kokkinos
    2019, arXiv:1904.08918, with the sign of later papers). It is meaningless if a baseline is close to 0.

    Args:
        values: metric -> value of the model.
        baselines: metric -> value of the model with only this head; not 0.
        higher_is_better: metric -> whether higher values are better.

    Raises:
        ConfigError: the arguments have different metrics, or a baseline is 0.

    Example:
        >>> round(delta_m({"accuracy": 0.74}, {"accuracy": 0.75}, {"accuracy": True}), 3)
        1.333
    """
    for other in (baselines, higher_is_better):
        if set(other) != set(values):
            raise ConfigError("delta_m", "the metrics differ", found=sorted(other), allowed=sorted(values))
    if zeros := [name for name, baseline in baselines.items() if baseline == 0]:
        raise ConfigError(f"delta_m: {zeros[0]}", "the baseline is 0, so there is no relative change")
    changes = [
        (-1 if higher_is_better[name] else 1) * (value - baselines[name]) / baselines[name]
        for name, value in values.items()
    ]
    return 100 * sum(changes) / len(changes)
