"""A sweep watched from its parent: when its board is drawn, and what is printed in the end."""

import os
import time

import pytest

from pipeline.sweep import watch
from pipeline.sweep.process import identity
from pipeline.sweep.watch import Watch
from tests import processes
from tests.sweep.sweeps import add_trial, config_of, open_parent


@pytest.fixture
def boards(monkeypatch):
    """The sweeps that were drawn."""
    drawn = []
    monkeypatch.setattr("pipeline.sweep.board.page.write", lambda folder, sweep: drawn.append(sweep))
    return drawn


@pytest.fixture
def parent(folder_with_store):
    return open_parent(config_of(folder_with_store))


@pytest.fixture
def watching(parent):
    made = Watch(
        parent,
        title="s",
        objective=["best/val_skill"],
        planned=3,
        command="train -m",
        options="",
        importances=dict,
    )
    yield made
    made.deaths.close()


def test_the_board_is_drawn_once_for_each_trial_that_ended(parent, watching, boards):
    run_id = add_trial(parent, "1", process=identity())
    watching.look()
    assert boards == []
    parent.client.set_terminated(run_id, "FINISHED")
    watching.look()
    watching.look()
    assert len(boards) == 1
    assert [trial.status for trial in boards[0].trials] == ["FINISHED"]
    assert (boards[0].running, boards[0].planned, boards[0].compare) == (True, 3, "")
    assert parent.tag("mlflow.note.content").startswith("1 of 3 trials finished")


def test_drawing_takes_a_small_part_of_the_time(parent, watching, boards):
    add_trial(parent, "1", "FINISHED")
    watching.look()
    watching.next_drawing = time.monotonic() + 600
    add_trial(parent, "2", "FINISHED")
    watching.look()
    assert len(boards) == 1
    watching.next_drawing = 0
    watching.look()
    assert len(boards) == 2


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells who died first")
def test_trials_of_other_processes_are_watched_and_drawn_by_a_thread(parent, watching, boards, monkeypatch):
    monkeypatch.setattr(watch, "SECONDS", 0.01)
    worker = processes.start(["sleep", "600"])
    who = identity(worker.pid)
    try:
        add_trial(parent, "1", process=who)
        add_trial(parent, "2", "FINISHED")
        watching.start()
        until = time.monotonic() + 60
        while not (boards and watching.deaths.watched) and time.monotonic() < until:
            time.sleep(0.01)
        watching.stop()
    finally:
        worker.kill()
        worker.communicate()
    assert boards
    assert list(watching.deaths.watched.values()) == [who]


def test_each_trial_that_ended_under_this_command_is_told_of_once(parent, watching, boards, capsys):
    add_trial(parent, "1", "FINISHED", skill=0.5)
    watching.look()
    watching.look()
    line = capsys.readouterr().err
    assert line.startswith("1/3  seed=1  skill (val) 0.5")
    assert line.count("\n") == 1
    watching.since = int(time.time() * 1000) + 60_000
    add_trial(parent, "2", "FINISHED", skill=0.5)
    watching.look()
    assert capsys.readouterr().err == ""


def test_the_ending_names_a_killed_trial_without_a_reason(parent, watching):
    add_trial(parent, "1", "KILLED")
    assert "  killed: seed=1" in watching.ending(since=0).splitlines()


def test_the_ending_lists_what_failed_under_this_command_and_where_the_board_is(parent, watching):
    add_trial(parent, "1", "FINISHED")
    parent.end(add_trial(parent, "2"), ValueError("too small"))
    shown = watching.ending(since=0).splitlines()
    assert shown[:2] == ["1 of 3 trials finished", "  failed: seed=2: ValueError: too small"]
    assert shown[2].startswith("board: /")
    assert shown[2].endswith("/report/sweep.html")
    assert shown[3] == "look: python -m pipeline.ui"
    assert shown[4:] == [f"sweep {parent.run_id}"]  # the last line, which `experiment.sweep` reads
    later = int(time.time() * 1000) + 60_000
    assert not any("failed" in line for line in watching.ending(since=later).splitlines())
