"""The relative loss of a model with several heads."""

import pytest

from benchmarks.delta_m import delta_m
from pipeline.errors import ConfigError

BETTER = {"accuracy": True, "error": False}


def test_delta_m_is_the_mean_relative_loss_in_percent():
    found = delta_m({"accuracy": 0.74, "error": 0.0150}, {"accuracy": 0.75, "error": 0.0140}, BETTER)
    assert found == pytest.approx(4.238095, abs=1e-6)


def test_each_metric_counts_equally_and_in_its_direction():
    baselines = {"miou": 0.3830, "accuracy": 0.6376, "absolute": 0.6754, "relative": 0.2780, "mean": 25.01}
    better = {name: name in ("miou", "accuracy") for name in baselines}
    assert delta_m(baselines, baselines, better) == 0
    assert delta_m(baselines | {"mean": 2 * 25.01}, baselines, better) == pytest.approx(20)
    assert delta_m(baselines | {"miou": 2 * 0.3830}, baselines, better) == pytest.approx(-20)


@pytest.mark.parametrize(
    ("values", "baselines"),
    [
        ({"accuracy": 1.0}, {"accuracy": 1.0, "error": 1.0}),
        ({"accuracy": 1.0, "error": 1.0}, {"accuracy": 1.0, "error": 0}),
    ],
)
def test_different_metrics_and_baselines_of_zero_are_refused(values, baselines):
    with pytest.raises(ConfigError, match="delta_m"):
        delta_m(values, baselines, BETTER)
