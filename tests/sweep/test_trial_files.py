"""What a board reads of its trials' artifacts: heads in order, curves, and links that survive a move."""

import json
from pathlib import Path

import pytest

from pipeline.sweep.trial_files import TrialFiles
from tests.sweep.sweeps import add_trial, config_of, open_parent

HISTORY = "epoch,train/loss,val/skill,val/a_skill\n1,0.5,0.1,\n2,0.4,0.2,0.3\n"


@pytest.fixture
def parent(folder_with_store):
    return open_parent(config_of(folder_with_store))


@pytest.fixture
def trial(parent):
    """A finished trial with a report, and one that failed."""
    run_id = add_trial(parent, "1", "FINISHED")
    parent.client.log_text(run_id, json.dumps({"z": ["z"], "a": ["a"]}), "config/labels.json")
    parent.client.log_text(run_id, HISTORY, "report/tables/history.csv")
    parent.client.log_text(run_id, "<html>", "report/report.html")
    add_trial(parent, "2", "FAILED")
    return run_id


def test_heads_are_in_the_order_of_the_config(parent, trial):
    assert TrialFiles(parent).order(parent.trials()) == ["z", "a"]


def test_histories_are_the_skills_of_finished_trials_with_a_report(parent, trial):
    (history,) = (histories := TrialFiles(parent).histories(parent.trials())).values()
    assert list(histories) == [trial]
    assert history["val/skill"] == [0.1, 0.2]
    assert history["val/a_skill"][1] == 0.3
    assert list(history) == ["val/skill", "val/a_skill"]


def test_links_lead_from_the_board_to_the_reports(parent, trial):
    files = TrialFiles(parent)
    parent.client.log_text(parent.run_id, "<html>", "report/sweep.html")
    (address,) = files.addresses(parent.trials()).values()
    assert not address.startswith("/")
    board = parent.page()
    assert (Path(board).parent / address).read_text() == "<html>"


def test_on_a_server_links_lead_to_the_pages_of_the_runs(parent, trial):
    files = TrialFiles(parent)
    trials = parent.trials()
    parent.uri = "http://127.0.0.1:5000"
    addresses = files.addresses(trials)
    assert addresses[trial].startswith("http://127.0.0.1:5000/#/experiments/")
    assert len(addresses) == 2
