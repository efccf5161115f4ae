"""The rows of a pass: in memory, or in windows that are read ahead."""

import threading
from typing import Any

import numpy as np
import pytest

from pipeline.data import feed
from pipeline.data.feed import Rows, Stream
from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.memory import aligned
from pipeline.training.fit import order_of
from tests.small_trainer import INPUTS, LABELS, ROWS, make_trainer

VALUES = np.arange(2000, dtype="float32").reshape(1000, 2)


def make_stream(
    monkeypatch: pytest.MonkeyPatch,
    *,
    window: int = 4096,
    run: int = 80,
    row_groups: np.ndarray | None = None,
) -> Stream:
    """A stream of 1,000 rows of 8 bytes; by default in runs of 10 and windows of 512 rows."""
    monkeypatch.setattr(feed, "WINDOW_BYTES", window)
    monkeypatch.setattr(feed, "MOST_BYTES", 4 * window)
    monkeypatch.setattr(feed, "RUN_BYTES", run)
    numbers = np.arange(len(VALUES))
    lazy = LazyRows(lambda rows: VALUES[rows], numbers, row_groups)
    return Stream({"x": lazy}, {"y": VALUES[:, 0]}, numbers)


def rows_in_memory() -> Rows:
    return Rows.of({"x": VALUES}, {"y": VALUES[:, 0]})


def used(rows: Rows | Stream, order: np.ndarray, batch: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and labels in the order in which a pass uses them."""
    parts = [window.take(places) for window, places in rows.windows(order, batch)]
    inputs = np.concatenate([part.inputs["x"] for part in parts])
    return inputs, np.concatenate([part.labels["y"] for part in parts])


def test_every_row_is_used_once_with_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = make_stream(monkeypatch)
    order = stream.arrange(order_of(1, 1000, 0, True), 32)
    assert sorted(order) == list(range(1000))
    inputs, labels = used(stream, order)
    np.testing.assert_array_equal(inputs, VALUES[order])
    np.testing.assert_array_equal(labels, VALUES[order, 0])


def test_rows_in_memory_are_one_window_in_the_requested_order() -> None:
    rows, order = rows_in_memory(), order_of(1, 1000, 0, True)
    assert rows.arrange(order, 32) is order
    assert len(list(rows.windows(order, 32))) == 1
    np.testing.assert_array_equal(used(rows, order)[0], VALUES[order])


def test_rows_that_are_requested_in_order_are_used_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = np.arange(1000)
    np.testing.assert_array_equal(make_stream(monkeypatch).arrange(order, 32), order)


def test_the_order_depends_only_on_the_requested_order(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [make_stream(monkeypatch).arrange(order_of(epoch, 1000, 0, True), 32) for epoch in (1, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_neighbours_on_disk_are_read_together_but_used_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_stream(monkeypatch).arrange(order_of(1, 1000, 0, True), 32)
    window = order[:512]
    runs, counts = np.unique(window // 10, return_counts=True)
    assert (counts == 10).sum() >= len(runs) - 1
    assert np.mean(np.abs(np.diff(window)) == 1) < 0.05
    # The runs of the first window come from all parts of the file.
    assert np.ptp(runs) > 90


def test_windows_are_bounded_and_consist_of_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = make_stream(monkeypatch, window=1000).windows(np.arange(1000), 32)
    assert [len(window) for window, _ in windows] == [96] * 10 + [40]
    assert make_stream(monkeypatch, window=1).window(32) == 32


def test_row_groups_stay_together_and_a_window_mixes_several(monkeypatch: pytest.MonkeyPatch) -> None:
    row_groups = np.repeat([3, 7, 8, 9, 11], 200)
    stream = make_stream(monkeypatch, window=1000, row_groups=row_groups)
    assert stream.window(32) == 480  # at most four times the usual window
    stream = make_stream(monkeypatch, window=2000, row_groups=row_groups)
    assert stream.window(32) == 800
    order = stream.arrange(order_of(1, 1000, 0, True), 32)
    assert len(np.unique(row_groups[order[:800]])) == 4
    assert len(np.unique(row_groups[order[:50]])) > 1


def test_the_next_window_is_read_while_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, read = make_stream(monkeypatch, window=1000), threading.Event()
    windows = stream.windows(np.arange(1000), 32)
    next(windows)
    stream.inputs["x"].read = lambda rows: (read.set(), VALUES[rows])[1]
    next(windows)
    assert read.wait(10)
    windows.close()


def test_an_error_while_reading_ahead_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = make_stream(monkeypatch)
    stream.inputs["x"].read = lambda rows: np.zeros(0)[rows]
    with pytest.raises(IndexError):
        list(stream.windows(np.arange(1000), 32))


def test_some_rows_are_taken_in_the_requested_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = np.array([900, 3, 3, 500])
    for rows in (make_stream(monkeypatch), rows_in_memory()):
        part = rows.take(order)
        np.testing.assert_array_equal(part.inputs["x"], VALUES[order])
        np.testing.assert_array_equal(part.labels["y"], VALUES[order, 0])


@pytest.fixture
def training_stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setattr(feed, "WINDOW_BYTES", 32 * 1000)
    numbers = np.arange(ROWS)
    inputs = {
        name: LazyRows(lambda rows, values=values: values[rows], numbers) for name, values in INPUTS.items()
    }
    return Stream(inputs, LABELS, numbers)


def test_training_on_a_stream_equals_training_in_memory_in_the_order_of_the_stream(
    training_stream: Stream,
) -> None:
    rows, weights = Rows.of(INPUTS, LABELS), np.ones(2, "float32")
    streamed, loaded = make_trainer(), make_trainer()
    for epoch in (1, 2):
        order = order_of(epoch, ROWS, 0, True)
        actual = streamed.train(training_stream, order, weights)
        expected = loaded.train(rows, training_stream.arrange(order, 32), weights)
        assert actual.losses == expected.losses
        np.testing.assert_array_equal(actual.order, expected.order)
        np.testing.assert_array_equal(actual.outputs["class"], expected.outputs["class"])
    assert len(list(training_stream.windows(np.arange(ROWS), 32))) > 1
    evaluations = [streamed.evaluate(training_stream), loaded.evaluate(rows)]
    assert evaluations[0].losses == pytest.approx(evaluations[1].losses, rel=1e-6)
    np.testing.assert_array_equal(evaluations[0].order, np.arange(ROWS))


def test_progress_counts_the_rows_of_all_windows(training_stream: Stream) -> None:
    counts: list[Any] = []
    make_trainer().train(training_stream, np.arange(ROWS), np.ones(2, "float32"), watch=counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == ROWS


def test_only_the_first_training_outputs_are_kept_if_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch, training_stream: Stream
) -> None:
    monkeypatch.setattr("pipeline.training.trainer.LARGEST_OUTPUTS", 6 * 40)
    for rows in (training_stream, Rows.of(INPUTS, LABELS)):
        epoch = make_trainer().train(rows, order_of(1, ROWS, 0, True), np.ones(2, "float32"))
        assert 40 <= len(epoch.order) < ROWS
        assert len(epoch.outputs["class"]) == len(epoch.raw["score"]) == len(epoch.order)
    assert len(make_trainer().evaluate(training_stream).order) == ROWS


def test_tensors_share_the_memory_of_large_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    values = aligned((7, 3), np.dtype("float32"))
    values[:] = np.arange(21).reshape(7, 3)
    own = Rows.of({"x": values}, {}).inputs["x"]
    monkeypatch.setattr("pipeline.data.feed.SHARED_BYTES", 1)
    shared = Rows.of({"x": values, "unaligned": values[1:]}, {}).inputs
    np.testing.assert_array_equal(shared["unaligned"], values[1:])
    values[0, 0] = 100
    assert (float(own[0, 0]), float(shared["x"][0, 0])) == (0.0, 100.0)


def test_a_training_from_shared_memory_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    order, weights = order_of(1, ROWS, 0, True), np.ones(2, "float32")
    expected = make_trainer().train(Rows.of(INPUTS, LABELS), order, weights)
    inputs = {name: aligned(values.shape, values.dtype) for name, values in INPUTS.items()}
    for name, values in INPUTS.items():
        inputs[name][:] = values
    monkeypatch.setattr("pipeline.data.feed.SHARED_BYTES", 1)
    actual = make_trainer().train(Rows.of(inputs, LABELS), order, weights)
    assert actual.losses == expected.losses
    np.testing.assert_array_equal(actual.outputs["class"], expected.outputs["class"])
