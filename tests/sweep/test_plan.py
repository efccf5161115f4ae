"""What a sweep is going to do, from its config."""

import pytest
from omegaconf import OmegaConf

from pipeline.sweep.plan import beginning, going_on, objectives, options, plan


def sweeper_config(**sweeper: object) -> object:
    return OmegaConf.create(
        {
            "hydra": {
                "overrides": {"task": ["a=1,2", "b=3", "seed=0,1"]},
                "sweeper": {"params": None, **sweeper},
            }
        }
    )


def test_a_plan_tells_what_varies_and_how_many_trials_that_makes():
    assert plan(sweeper_config()) == (["a=1,2", "b=3", "seed=0,1"], ["a", "seed"], 4)
    # What is typed wins over a preset.
    assert plan(sweeper_config(params={"b": "1,2,3", "c": "range(3)"}))[1:] == (["c", "a", "seed"], 12)
    assert plan(sweeper_config(n_trials=7))[2] == 7


def test_only_the_way_to_configs_is_kept_of_a_command():
    assert (
        options(["-m", "--config-dir", "my conf", "a=1", "hydra/launcher=joblib"]) == "--config-dir 'my conf'"
    )
    assert options(["--config-dir=x", "-m"]) == "--config-dir=x"


def test_one_objective_or_several_are_a_list():
    assert objectives(OmegaConf.create({"objective": "val/loss"})) == ["val/loss"]
    assert objectives(OmegaConf.create({"objective": ["a", "b"]})) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "launcher", "planned", "text"),
    [
        (None, {"_target_": "BasicLauncher"}, 1, "1 trial, in sweep 3f2a"),
        (
            "s",
            {"_target_": "joblib", "n_jobs": 2},
            15,
            "15 trials, 2 at a time, in sweep 3f2a; after an interruption the same command goes on",
        ),
        (None, {"_target_": "BasicLauncher"}, None, "a search, in sweep 3f2a"),
    ],
)
def test_a_sweep_tells_at_its_begin_how_many_trials_it_has_and_its_id(name, launcher, planned, text):
    config = OmegaConf.create({"sweep": {"name": name}, "hydra": {"launcher": launcher}})
    assert beginning(config, "3f2a", planned) == text


def test_an_interrupted_sweep_with_a_name_tells_how_it_goes_on():
    assert going_on("w", "3f2a", "python -m pipeline.train -m") == (
        "to go on with sweep 3f2a: python -m pipeline.train -m\n"
    )
    assert going_on(None, "3f2a", "python -m pipeline.train -m") == ""
