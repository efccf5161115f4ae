"""What a pass goes over: rows in memory, or windows of rows that are read ahead."""

import threading

import numpy as np
import pytest

from pipeline.data import feed as module
from pipeline.data.feed import Rows, Stream
from pipeline.data.files.lazy import LazyRows
from pipeline.training.fit import order_of
from tests.small_trainer import INPUTS, LABELS, ROWS, make_trainer

VALUES = np.arange(2000, dtype="float32").reshape(1000, 2)


def stream(monkeypatch, *, window=4096, run=80, pieces=None, values=VALUES):
    monkeypatch.setattr(module, "WINDOW_BYTES", window)
    monkeypatch.setattr(module, "MOST_BYTES", 4 * window)
    monkeypatch.setattr(module, "RUN_BYTES", run)
    numbers = np.arange(len(values))
    fetched = LazyRows(lambda rows: values[rows], numbers, pieces)
    return Stream({"x": fetched}, {"y": values[:, 0]}, numbers)


def passed(given, order, batch=32):
    """What a pass sees: the inputs and labels in the order of use."""
    parts = [window.take(here) for window, here in given.windows(order, batch)]
    return [
        np.concatenate([part.inputs["x"] for part in parts]),
        np.concatenate([p.labels["y"] for p in parts]),
    ]


def test_every_row_comes_once_with_its_label(monkeypatch):
    given = stream(monkeypatch)
    order = given.arrange(order_of(1, 1000, 0, True), 32)
    assert sorted(order) == list(range(1000))
    inputs, labels = passed(given, order)
    np.testing.assert_array_equal(inputs, VALUES[order])
    np.testing.assert_array_equal(labels, VALUES[order, 0])


def test_rows_in_memory_are_one_window_in_the_order_asked_for():
    given, order = Rows.of({"x": VALUES}, {"y": VALUES[:, 0]}), order_of(1, 1000, 0, True)
    assert given.arrange(order, 32) is order
    assert len(list(given.windows(order, 32))) == 1
    np.testing.assert_array_equal(passed(given, order)[0], VALUES[order])


def test_rows_that_are_asked_for_in_turn_come_in_turn(monkeypatch):
    order = np.arange(1000)
    np.testing.assert_array_equal(stream(monkeypatch).arrange(order, 32), order)


def test_the_order_follows_from_the_one_asked_for_alone(monkeypatch):
    orders = [stream(monkeypatch).arrange(order_of(epoch, 1000, 0, True), 32) for epoch in (1, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_neighbours_on_the_disk_are_read_together_but_used_apart(monkeypatch):
    given = stream(monkeypatch)  # 8 bytes a row: runs of 10 rows, windows of 512
    order = given.arrange(order_of(1, 1000, 0, True), 32)
    window = order[:512]
    runs, counts = np.unique(window // 10, return_counts=True)
    assert (counts == 10).sum() >= len(runs) - 1
    assert np.mean(np.abs(np.diff(window)) == 1) < 0.05
    # The first window has runs from everywhere.
    assert np.ptp(runs) > 90


def test_windows_are_whole_batches_and_bounded(monkeypatch):
    sizes = [len(window) for window, _ in stream(monkeypatch, window=1000).windows(np.arange(1000), 32)]
    assert sizes == [96] * 10 + [40]
    assert stream(monkeypatch, window=1).window(32) == 32


def test_pieces_that_are_read_as_a_whole_stay_together_and_several_are_mixed(monkeypatch):
    pieces = np.repeat([3, 7, 8, 9, 11], 200)
    given = stream(monkeypatch, window=1000, pieces=pieces)
    assert given.window(32) == 480  # at most four times the window asked for
    given = stream(monkeypatch, window=2000, pieces=pieces)
    assert given.window(32) == 800
    order = given.arrange(order_of(1, 1000, 0, True), 32)
    assert len(np.unique(pieces[order[:800]])) == 4
    assert len(np.unique(pieces[order[:50]])) > 1


def test_the_next_window_is_read_while_one_is_used(monkeypatch):
    given, read = stream(monkeypatch, window=1000), threading.Event()
    windows = given.windows(np.arange(1000), 32)
    next(windows)
    given.inputs["x"].read = lambda rows: (read.set(), VALUES[rows])[1]
    next(windows)
    assert read.wait(10)
    windows.close()


def test_what_goes_wrong_while_reading_ahead_is_raised(monkeypatch):
    given = stream(monkeypatch)
    given.inputs["x"].read = lambda rows: np.zeros(0)[rows]
    with pytest.raises(IndexError):
        list(given.windows(np.arange(1000), 32))


def test_some_rows_are_taken_in_the_order_asked_for(monkeypatch):
    wanted = np.array([900, 3, 3, 500])
    for given in (stream(monkeypatch), Rows.of({"x": VALUES}, {"y": VALUES[:, 0]})):
        taken = given.take(wanted)
        np.testing.assert_array_equal(taken.inputs["x"], VALUES[wanted])
        np.testing.assert_array_equal(taken.labels["y"], VALUES[wanted, 0])


def trained_stream(monkeypatch, window):
    monkeypatch.setattr(module, "WINDOW_BYTES", window)
    numbers = np.arange(ROWS)
    inputs = {name: LazyRows(lambda rows, v=v: v[rows], numbers) for name, v in INPUTS.items()}
    return Stream(inputs, LABELS, numbers)


def test_training_on_a_stream_is_training_in_memory_in_its_order(monkeypatch):
    given = trained_stream(monkeypatch, 32 * 1000)
    streamed, ours = make_trainer(), make_trainer()
    for epoch in (1, 2):
        order = order_of(epoch, ROWS, 0, True)
        one = streamed.train(given, order, np.ones(2, "float32"))
        other = ours.train(Rows.of(INPUTS, LABELS), given.arrange(order, 32), np.ones(2, "float32"))
        assert one.losses == other.losses
        np.testing.assert_array_equal(one.order, other.order)
        np.testing.assert_array_equal(one.outputs["class"], other.outputs["class"])
    assert len(list(given.windows(np.arange(ROWS), 32))) > 1
    evaluated = [streamed.evaluate(given), ours.evaluate(Rows.of(INPUTS, LABELS))]
    assert evaluated[0].losses == pytest.approx(evaluated[1].losses, rel=1e-6)
    np.testing.assert_array_equal(evaluated[0].order, np.arange(ROWS))


def test_a_person_hears_of_rows_done_in_all_windows(monkeypatch):
    seen = []
    given = trained_stream(monkeypatch, 32 * 1000)
    make_trainer().train(given, np.arange(ROWS), np.ones(2, "float32"), watch=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == ROWS


def test_of_too_many_training_outputs_the_first_are_kept(monkeypatch):
    given = trained_stream(monkeypatch, 32 * 1000)
    monkeypatch.setattr("pipeline.training.trainer.LARGEST_OUTPUTS", 6 * 40)
    epoch = make_trainer().train(given, order_of(1, ROWS, 0, True), np.ones(2, "float32"))
    assert 40 <= len(epoch.order) < ROWS
    assert len(epoch.outputs["class"]) == len(epoch.raw["score"]) == len(epoch.order)
    assert len(make_trainer().evaluate(given).order) == ROWS
