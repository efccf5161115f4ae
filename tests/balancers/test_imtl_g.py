"""IMTL-G: equal projections on all heads' gradients."""

import numpy as np
import pytest

from pipeline import balancers
from tests.balancers.gradients import (
    AGREEMENT,
    CONFLICT,
    OPPOSED,
    for_several_heads,
    gradients,
    update_of,
    weights_of,
)


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.IMTLG(), CONFLICT, [0.585786, 0.414214]),
        (balancers.IMTLG(), AGREEMENT, [0.585786, 0.414214]),
        (balancers.IMTLG(), OPPOSED, [0.59233, 0.40767]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@for_several_heads
def test_the_step_has_equal_projections_on_all_gradients(heads):
    rows = gradients(heads, heads)
    projections = rows @ update_of(balancers.IMTLG(), rows) / np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(projections, np.full(heads, projections[0]), rtol=1e-3)
    assert weights_of(balancers.IMTLG(), rows).sum() == pytest.approx(1, rel=1e-3)


def cancelling(size):
    """Return three gradients; at size 1 the negative weight of the last one cancels the others."""
    units = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.4, 0.1]])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    scaled = np.linalg.solve(units @ units.T, np.ones(3))
    assert scaled[2] < 0
    return units * [[1], [1], [-size * scaled[2] / (scaled[0] + scaled[1])]]


def test_the_step_never_increases_a_loss():
    rows = cancelling(0.8)
    assert weights_of(balancers.IMTLG(), rows).sum() == pytest.approx(-1, rel=1e-3)
    assert (rows @ update_of(balancers.IMTLG(), rows)).min() > 0.1


def test_weights_that_cancel_stay_bounded():
    assert np.abs(weights_of(balancers.IMTLG(), cancelling(1.0))).sum() == pytest.approx(100, rel=1e-3)


def test_a_head_without_gradient_gets_no_weight_and_does_not_change_the_others():
    rows = gradients(1, 4)
    rows[2] = 0
    others = [0, 1, 3]
    weights = weights_of(balancers.IMTLG(), rows)
    np.testing.assert_allclose(weights[others], weights_of(balancers.IMTLG(), rows[others]), rtol=1e-4)
    assert weights[2] == 0
