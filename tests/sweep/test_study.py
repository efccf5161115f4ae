"""A stored Optuna study, brought up to date before a search goes on."""

import optuna
import pytest
from omegaconf import OmegaConf

from pipeline.errors import ConfigError
from pipeline.sweep.study import importances, is_search, left_to_do
from pipeline.sweep.trials import Trial


def trial(number: int, status: str = "FINISHED", started: int = 0, **more: object) -> Trial:
    fields = {"varied": {"x": str(number)}, "metrics": {"best/val_skill": number / 10}} | more
    return Trial(
        f"run{number}",
        f"x={number}",
        str(number),
        status,
        "",
        overrides="",
        started=started,
        ended=1,
        **fields,
    )


@pytest.fixture
def study(tmp_path):
    """A study with two complete trials and one that was interrupted."""
    storage = f"sqlite:///{tmp_path}/optuna.db"
    made = optuna.create_study(study_name="s", storage=storage, directions=["maximize"])
    for x in (1, 2, 3):
        made.enqueue_trial({"x": x})
        asked = made.ask()
        asked.suggest_int("x", 1, 3)
        if x < 3:
            made.tell(asked, x / 10)
    return made, OmegaConf.create({"storage": storage, "n_trials": 5, "n_jobs": 0, "sampler": {"seed": 7}})


def left(
    sweeper: object, trials: list[Trial], since: int = 0, metrics: tuple[str, ...] = ("best/val_skill",)
):
    return left_to_do(sweeper, name="s", metrics=metrics, trials=trials, since=since, workers=3)


def test_a_study_runs_what_is_left_and_draws_anew(study):
    made, sweeper = study
    settings = left(sweeper, [trial(1), trial(2), trial(3, "KILLED")])
    assert settings == {
        "study_name": "s",
        "direction": "maximize",
        "n_jobs": 3,
        "n_trials": 3,
        "sampler.seed": 7 + len(made.trials),
    }
    # The interrupted one comes again.
    assert made.ask().suggest_int("x", 1, 3) == 3
    assert [one.state.name for one in made.trials] == ["COMPLETE", "COMPLETE", "FAIL", "RUNNING"]


def test_a_trial_that_finished_without_the_study_hearing_of_it_is_told(study):
    made, sweeper = study
    assert left(sweeper, [trial(3)])["n_trials"] == 2
    assert made.trials[2].value == 0.3


def test_a_failure_of_this_command_uses_up_a_trial_and_one_of_an_earlier_command_does_not(study):
    _, sweeper = study
    assert left(sweeper, [trial(3, "FAILED", started=50)], since=10)["n_trials"] == 2
    assert left(sweeper, [trial(3, "FAILED", started=50)], since=60)["n_trials"] == 3


def test_a_study_keeps_its_objectives(study):
    with pytest.raises(ConfigError, match=r"objective: the stored study .* has other objectives"):
        left(study[1], [], metrics=("best/val_loss",))


def test_importances_need_two_results(study):
    _, sweeper = study
    found = importances(sweeper.storage, "s", ["best/val_skill"])
    assert found == {"best/val_skill": {"x": 1.0}}
    empty = optuna.create_study(study_name="empty", storage=sweeper.storage)
    assert importances(sweeper.storage, empty.study_name, ["best/val_skill"]) == {}


def test_only_optunas_sweeper_searches():
    assert is_search(OmegaConf.create({"_target_": "hydra_optuna_sweeper.OptunaSweeper"}))
    assert not is_search(OmegaConf.create({"_target_": "hydra._internal.BasicSweeper"}))


def test_a_search_needs_a_storage():
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.storage"):
        left(OmegaConf.create({"storage": None}), [])
