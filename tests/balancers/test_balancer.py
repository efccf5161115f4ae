"""Numbers of a config by head."""

import pytest

from pipeline.balancers.balancer import per_head
from pipeline.errors import ConfigError


def test_numbers_are_ordered_by_head_with_a_default():
    assert per_head("key", {"b": 2, "a": 1}, ["a", "b", "c"], 0.5) == [1.0, 2.0, 0.5]


def test_an_unknown_head_is_an_error_that_suggests_the_nearest():
    with pytest.raises(
        ConfigError, match=r"(?s)balancer.minimum_losses: there is no such head.*nearest: class"
    ):
        per_head("balancer.minimum_losses", {"clas": 1.0}, ["class", "score"], 0.0)
