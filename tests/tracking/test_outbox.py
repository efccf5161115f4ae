"""Entries wait in a file: complete, in order, and sent again until the store has them."""

import itertools
import json
import sqlite3
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException

from pipeline.tracking import connect, open_run, outbox
from pipeline.tracking.outbox import Outbox, send_all, waits
from pipeline.tracking.sending import is_passing


class Store:
    """Keeps the entries that it is sent, call by call; fails while `error` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls, self.error, self.attempts = [], error, 0

    def __call__(self, entries: list, folder) -> None:
        self.attempts += 1
        if self.error:
            raise self.error
        self.calls.append(entries)

    def points(self) -> list:
        return [point for call in self.calls for entry in call for point in entry.get("metrics", [])]


def metrics(*values: float) -> dict:
    return {"kind": "metrics", "metrics": [["a", value, 0, int(value)] for value in values]}


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(outbox, "SECONDS_PER_BATCH", 0.02)


def opened(folder, store: Store) -> Outbox:
    return Outbox(folder, store, is_passing, "the store")


def wait_for(condition) -> None:
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def test_entries_are_sent_in_order_and_the_folder_goes(tmp_path):
    store = Store()
    box = opened(tmp_path / "w" / "r", store)
    box.put(metrics(1, 2))
    box.put({"kind": "end"})
    box.put(metrics(3))
    assert box.drain()
    box.close()
    assert [entry["kind"] for call in store.calls for entry in call] == ["metrics", "end", "metrics"]
    assert [point[1] for point in store.points()] == [1, 2, 3]
    assert not (tmp_path / "w").exists()


def test_fast_epochs_are_sent_together_and_no_call_is_larger_than_mlflow_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "SECONDS_PER_BATCH", 600)
    store = Store()
    box = opened(tmp_path / "r", store)
    for _ in range(5):
        box.put(metrics(*range(400)))
    box.drain()
    box.close()
    assert [sum(len(entry["metrics"]) for entry in call) for call in store.calls] == [800, 800, 400]


def test_what_cannot_be_sent_waits_in_order_and_is_sent_once_the_store_is_back(tmp_path, caplog):
    store = Store(MlflowException("API request failed"))
    box = opened(tmp_path / "r", store)
    for value in range(50):
        box.put(metrics(value))
    wait_for(lambda: store.attempts > 2)
    assert not box.drain(patience=0.1)
    store.error = None
    assert box.drain()
    box.close()
    assert [point[1] for point in store.points()] == list(range(50))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "cannot be written (API request failed); the training goes on" in told[0]
    assert "can be written again" in told[1]


@pytest.mark.parametrize(
    ("signalled", "answers", "due"), [(False, False, 9), (True, False, 3), (True, True, 3)]
)
def test_the_store_has_so_much_time_and_less_after_a_signal(tmp_path, monkeypatch, signalled, answers, due):
    """Time is counted in looks at the clock."""
    looks = itertools.count()
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    monkeypatch.setattr(outbox, "PATIENCE_AFTER_SIGNAL", 3)
    monkeypatch.setattr(outbox.signals, "received", lambda: 2 if signalled else None)
    busy = threading.Event()
    box = opened(tmp_path / "w" / "r", Store(None if answers else ConnectionError("away")))
    if answers:
        box.send = lambda entries, folder: busy.wait(60)  # a slow store
    box.put(metrics(1))
    if not answers:
        wait_for(lambda: box.failing)
    assert not box.drain(patience=9)
    assert due < next(looks) <= due + 4
    busy.set()
    box.close()


def test_what_a_process_left_is_sent_by_another_without_what_it_had_sent(tmp_path):
    store = Store()
    box = opened(tmp_path / "r", store)
    box.put(metrics(1))
    box.drain()
    store.error = OSError("away")
    box.put(metrics(2))
    box.put(metrics(3))
    box.drain(patience=0.05)
    box.close()
    assert waits(tmp_path / "r")
    later = Store()
    assert send_all(tmp_path / "r", later) == 2
    assert [point[1] for point in later.points()] == [2, 3]
    assert not (tmp_path / "r").exists()


def test_an_entry_whose_writing_a_kill_interrupted_is_left_out(tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    whole, part = json.dumps(metrics(1)), json.dumps(metrics(2))[:-5]
    (folder / "journal.jsonl").write_text(f"{whole}\n{part}")
    store = Store()
    assert send_all(folder, store) == 1
    assert [point[1] for point in store.points()] == [1]


def test_what_the_store_refuses_for_good_is_raised_and_the_rest_is_sent(tmp_path):
    store = Store(ValueError("a bug"))
    box = opened(tmp_path / "r", store)
    box.put(metrics(1))
    wait_for(lambda: box.error is not None)
    store.error = None
    with pytest.raises(ValueError, match="a bug"):
        box.put(metrics(2))
    box.append({"kind": "end"})
    assert box.drain()
    box.close()
    assert [entry["kind"] for call in store.calls for entry in call] == ["end"]


def test_the_journal_of_a_long_run_does_not_grow_while_the_store_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "CHUNK", 1000)
    store = Store()
    box = opened(tmp_path / "r", store)
    for value in range(100):
        box.put(metrics(value))
        if value % 10 == 9:
            box.drain()
    assert (tmp_path / "r" / "journal.jsonl").stat().st_size < 2000
    box.close()
    assert [point[1] for point in store.points()] == list(range(100))


@pytest.mark.slow  # MLflow waits 20 s for a lock
def test_a_locked_database_loses_nothing(folder_with_store, monkeypatch):
    monkeypatch.chdir(folder_with_store)
    database = folder_with_store / "mlruns" / "mlflow.db"
    locked, done = threading.Event(), threading.Event()

    def lock() -> None:
        with closing(sqlite3.connect(database, timeout=60)) as other:
            other.execute("BEGIN EXCLUSIVE")
            locked.set()
            done.wait(60)

    with open_run(connect(f"sqlite:///{database}", "e"), run_name="r", params={"a": 1}, tags={}) as run:
        run.outbox.drain()
        other = threading.Thread(target=lock)
        other.start()
        locked.wait(60)
        for epoch in range(20):
            run.log_metrics({"train/loss": float(epoch)}, epoch + 1)
        wait_for(lambda: run.outbox.failing is not None)
        done.set()
        other.join()
    history = run.client.get_metric_history(run.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(i + 1, float(i)) for i in range(20)]
    assert run.client.get_run(run.run_id).info.status == "FINISHED"


def test_entries_of_a_second_are_sent_together_but_for_the_status(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "SECONDS_PER_BATCH", 600)
    store = Store()
    box = opened(tmp_path / "r", store)
    for kind in ("status", "params", "files", "model", "end"):
        box.put({"kind": kind})
    box.put(metrics(1))
    box.drain()
    box.close()
    sent = [[entry["kind"] for entry in call] for call in store.calls]
    assert sent == [["status"], ["params", "files", "model"], ["end"], ["metrics"]]
