"""Steps in one graph: in order, with their sums and outputs; and how many of them a call takes."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training import loop
from pipeline.training.loop import loop_over, spans


@pytest.fixture
def model():
    x = keras.Input((1,), name="x")
    return keras.Model({"x": x}, {"h": keras.layers.Identity()(x)})


@pytest.fixture
def doubled():
    h = keras.Input((1,), name="h")
    return keras.Model({"h": h}, {"h": h * 2})


def step(inputs, labels, loss_weights, number):
    """Its output is its input, its sums are those of inputs and labels."""
    return {"h": inputs["x"]}, (tf.reduce_sum(inputs["x"]), loss_weights * tf.reduce_sum(labels["h"]))


def run(loop, first, last):
    """Rows 0 to 4 in the order 4, 3, 2, 1, 0, two in a batch."""
    rows = {"x": np.arange(5.0, dtype="float32")[:, None]}, {"h": np.arange(5, dtype="float32")}
    sums = tf.constant(0.0), tf.constant(0.0)
    return loop(*rows, tf.range(4, -1, -1), tf.constant(0.5), 2, tf.constant(first), tf.constant(last), sums)


def test_all_steps_give_their_outputs_in_order_and_the_sum_of_their_sums(model, doubled):
    (raw, shown), sums = run(tf.function(loop_over(step, model, doubled)), 0, 3)
    assert raw["h"].numpy().ravel().tolist() == [4, 3, 2, 1, 0]
    assert shown["h"].numpy().ravel().tolist() == [8, 6, 4, 2, 0]
    assert [float(total) for total in sums] == [10, 5]


def test_a_call_may_take_some_of_the_steps(model, doubled):
    (raw, _), sums = run(tf.function(loop_over(step, model, doubled)), 1, 2)
    assert raw["h"].numpy().ravel().tolist() == [2, 1]
    assert [float(total) for total in sums] == [3, 1.5]


def spans_at(monkeypatch, steps, seconds_per_step, most=10**9):
    """The spans of a loop whose steps take this long."""
    now = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    found = []
    for first, last in spans(steps, most):
        found.append((first, last))
        now[0] += (last - first) * seconds_per_step
    return found


def test_spans_follow_each_other_to_the_last_step(monkeypatch):
    found = spans_at(monkeypatch, 1000, 0.01)
    assert found[0][0] == 0
    assert found[-1][1] == 1000
    assert all(last == first for (_, last), (first, _) in itertools.pairwise(found))


def test_a_span_takes_about_a_second(monkeypatch):
    assert spans_at(monkeypatch, 300, 0.01)[:3] == [(0, 32), (32, 132), (132, 232)]


def test_a_slow_step_is_a_span_of_its_own(monkeypatch):
    assert spans_at(monkeypatch, 34, 60)[1:] == [(32, 33), (33, 34)]


def test_few_steps_are_one_span(monkeypatch):
    assert spans_at(monkeypatch, 5, 0.01) == [(0, 5)]


def test_a_call_takes_no_more_steps_than_their_outputs_may(monkeypatch):
    found = spans_at(monkeypatch, 100, 0.001, most=30)
    assert found == [(0, 30), (30, 60), (60, 90), (90, 100)]
