"""Phases of a run are announced when they take long, and their seconds add up."""

import re
import time

import pytest

from pipeline import notices
from pipeline.notices import Clock, duration, notice


def test_a_notice_goes_to_standard_error_and_to_the_log(capsys, caplog):
    with caplog.at_level("INFO"):
        notice("run 3f2a")
    assert capsys.readouterr() == ("", "run 3f2a\n")
    assert caplog.messages == ["run 3f2a"]


def test_a_trial_of_a_sweep_only_writes_to_its_log(capsys, caplog, monkeypatch):
    monkeypatch.setattr(notices, "in_sweep", lambda: True)
    with caplog.at_level("INFO"):
        notice("run 3f2a")
    assert capsys.readouterr() == ("", "")
    assert caplog.messages == ["run 3f2a"]


def test_only_long_phases_are_announced(capsys, monkeypatch):
    monkeypatch.setattr(notices, "DELAY", 0.05)
    clock = Clock()
    with clock.phase("loading the data"):
        time.sleep(0.5)
    with clock.phase("testing"):
        pass
    with clock.phase("training", silent=True):
        time.sleep(0.2)
    assert capsys.readouterr().err == "loading the data …\n"
    assert list(clock.seconds) == ["loading the data", "testing", "training"]
    assert clock.seconds["loading the data"] >= 0.5
    assert sum(clock.seconds.values()) <= clock.total()


def test_a_phase_that_says_nothing_for_long_is_announced_again(capsys, monkeypatch):
    monkeypatch.setattr(notices, "DELAY", 0.05)
    monkeypatch.setattr(notices, "SILENCE", 0.2)
    with notices.announced("writing the report"):
        time.sleep(1.2)
    first, *again = capsys.readouterr().err.splitlines()
    assert first == "writing the report …"
    assert 1 <= len(again) <= 5
    assert all(re.fullmatch(r"still writing the report, [01]\.\d s …", line) for line in again)


def test_what_tells_something_itself_is_not_interrupted(capsys, monkeypatch):
    monkeypatch.setattr(notices, "SILENCE", 0.3)
    with notices.announced("training", at_once=True):
        for _ in range(12):
            time.sleep(0.1)
            notices.told()
    assert capsys.readouterr().err == "training …\n"


def test_a_phase_that_is_long_for_sure_is_announced_at_once(capsys):
    with Clock().phase("importing TensorFlow", at_once=True):
        assert capsys.readouterr().err == "importing TensorFlow …\n"
    with Clock().phase("training", at_once=True, more="train 3 rows"):
        assert capsys.readouterr().err == "training: train 3 rows …\n"


def test_a_failed_phase_is_measured_and_no_longer_announced(capsys, monkeypatch):
    monkeypatch.setattr(notices, "DELAY", 0.05)
    clock = Clock()
    with pytest.raises(ValueError, match="no"), clock.phase("testing"):
        raise ValueError("no")
    time.sleep(0.15)
    assert capsys.readouterr().err == ""
    assert "testing" in clock.seconds


def test_the_sentence_has_the_total_and_the_phases_that_took_long(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(clock, "total", lambda: 72.4)
    clock.seconds = {"loading the data": 5.25, "building the model": 3.0, "training": 65.0}
    assert clock.sentence() == "took 1 min 12 s: loading the data 5.2 s, training 1 min 5 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (125.2, "2 min 5 s"),
        (3599.6, "1 h 0 min"),
        (3 * 3600 + 61, "3 h 1 min"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_result_goes_to_standard_output_unless_trials_would_mix(capsys, caplog, monkeypatch):
    with caplog.at_level("INFO"):
        notices.tell("head  skill")
        assert capsys.readouterr() == ("head  skill\n", "")
        monkeypatch.setattr(notices, "in_sweep", lambda: True)
        notices.tell("head  skill")
    assert capsys.readouterr() == ("", "")
    assert caplog.messages == ["head  skill"] * 2


def test_of_phases_inside_one_another_the_innermost_is_told_again(capsys, monkeypatch):
    monkeypatch.setattr(notices, "DELAY", 0.05)
    monkeypatch.setattr(notices, "SILENCE", 0.2)
    with notices.announced("training", at_once=True), notices.announced("training the heads' own layers"):
        time.sleep(0.6)
    with notices.announced("testing", at_once=True):
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["training …", "training the heads' own layers …"]
    assert {line.partition(",")[0] for line in lines[2:]} == {
        "still training the heads' own layers",
        "testing …",
        "still testing",
    }
