"""What the trials of a sweep give together, and what is said if it cannot be made."""

import pytest

from pipeline.errors import ConfigError
from pipeline.sweep import joining


@pytest.fixture
def calls(monkeypatch):
    """What was asked for; both steps succeed unless a test says otherwise."""
    found = []

    def log_folds(parent, objective):
        found.append(("folds", parent, objective))
        return ["means over folds"]

    def log_ensemble(parent, objective, **options):
        found.append(("ensemble", parent, objective, options))
        return ["one model"]

    monkeypatch.setattr(joining, "log_folds", log_folds)
    monkeypatch.setattr(joining, "log_ensemble", log_ensemble)
    return found


def test_an_ensemble_is_made_only_where_it_is_wanted(calls):
    assert joining.join("parent", "val/skill", None) == ["means over folds"]
    assert joining.join("parent", "val/skill", {"register": "birds"}) == ["means over folds", "one model"]
    assert calls == [
        ("folds", "parent", "val/skill"),
        ("folds", "parent", "val/skill"),
        ("ensemble", "parent", "val/skill", {"register": "birds"}),
    ]


@pytest.mark.parametrize(
    ("error", "lines", "told"),
    [
        (
            ConfigError("sweep", "the folds differ"),
            ["means over folds", "no ensemble: sweep: the folds differ"],
            "",
        ),
        (OSError("disk"), ["means over folds"], "the trials could not be joined: OSError: disk\n"),
    ],
)
def test_trials_that_cannot_be_joined_do_not_end_the_sweep(calls, monkeypatch, capsys, error, lines, told):
    def fails(parent, objective, **options):
        raise error

    monkeypatch.setattr(joining, "log_ensemble", fails)
    assert joining.join("parent", "val/skill", {}) == lines
    assert capsys.readouterr().err == told
