"""Which way a metric is better. Imports nothing, so that a sweep knows it before anything heavy."""

SMALLER_IS_BETTER = {"loss", "unweighted", "mae", "rmse", "pinball", "ece"}


def direction(metric: str) -> str:
    """Whether a metric is better when it is smaller ("min") or larger ("max"), by its last word."""
    return "min" if metric.rsplit("_", 1)[-1].rsplit("/", 1)[-1] in SMALLER_IS_BETTER else "max"
