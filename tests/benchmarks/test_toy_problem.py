"""Balancers on the toy problem of the CAGrad paper."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.machine import cpu_model
from benchmarks.toy_problem import STARTS, descent, gradients_at, losses_at, main, methods, verdict
from pipeline.balancers import MGDA, CAGrad, Static


def ends(balancer, steps):
    run = descent(balancer, steps)
    return [verdict(run(tf.constant(start)).numpy()) for start in STARTS]


def test_both_losses_are_equal_at_the_optimum_of_their_mean():
    losses, rows = gradients_at(tf.constant([0.0, -8.35511]))
    np.testing.assert_allclose(losses, [-15.091638, -15.091638], rtol=1e-6)
    np.testing.assert_allclose(rows.numpy().mean(0), [0, 0], atol=1e-4)


@pytest.mark.parametrize("point", [(-8.5, 7.5), (2.0, -5.0), (1.0, 0.3)])
def test_the_gradients_equal_finite_differences_of_the_losses(point):
    point = np.array(point, "float32")
    shift = 1e-2 * np.eye(2, dtype="float32")
    slopes = [(losses_at(point + move) - losses_at(point - move)) / 2e-2 for move in shift]
    np.testing.assert_allclose(
        np.stack(slopes, axis=1), gradients_at(tf.constant(point))[1], rtol=0.02, atol=0.02
    )


def test_plain_descent_gets_stuck_from_two_of_three_starts():
    assert ends(Static(), 20_000) == ["stuck", "optimum", "stuck"]


@pytest.mark.slow
def test_cagrad_reaches_the_optimum_of_the_mean_loss_from_all_starts():
    assert ends(CAGrad(c=0.5, rescale=2), 100_000) == ["optimum", "optimum", "optimum"]


@pytest.mark.slow
def test_mgda_stops_at_the_pareto_front():
    run = descent(MGDA(), 30_000)
    np.testing.assert_allclose(run(tf.constant(STARTS[0])), [-3.32, -8.37], atol=0.1)


def test_every_start_begins_with_the_initial_state():
    run = descent(methods()["famo"], 50)
    np.testing.assert_array_equal(*(run(tf.constant(STARTS[0])) for _ in range(2)))


@pytest.mark.slow
def test_the_table_has_a_row_for_each_method(capsys):
    main(steps=10, only=["static", "famo"])
    *lines, machine = capsys.readouterr().out.splitlines()
    assert machine.startswith(cpu_model())
    assert [line.split()[0] for line in lines] == ["method", "static", "famo"]
    assert all(line.count("stuck") == 3 for line in lines[1:])
