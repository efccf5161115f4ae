"""A run that is killed at any time and resumed has the same results as one that was never killed."""

import json
import os
import random
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from pipeline import paths
from pipeline.errors import ConfigError
from pipeline.job.resume import (
    Origin,
    found_id,
    full_id,
    is_finished,
    mark_finished,
    mark_not_finite,
    rate_change,
    resumed_config,
    resuming,
    save_config,
)
from pipeline.tracking.outbox import sync_command
from tests import processes, stores

SCRIPT = Path(__file__).parents[1] / "killed_training.py"


def train(where: Path, *ends: str) -> str:
    where.mkdir()
    done = processes.run([sys.executable, SCRIPT, *ends], where)
    assert done.returncode == 0, done.stderr
    return done.stdout


def histories(where: Path) -> dict[str, tuple[list[int], list[float]]]:
    (run,) = stores.all_runs(where)
    assert run.info.status == "FINISHED"
    names = [name for name in run.data.metrics if not name.startswith("time/")]
    return {name: (stores.steps(where, run, name), stores.history(where, run, name)) for name in names}


@pytest.mark.slow
def test_twenty_kills_do_not_change_the_results_of_a_run(tmp_path):
    draw = random.Random(0)
    train(tmp_path / "whole")
    ends = [f"{draw.randrange(3)}+{draw.uniform(0, 0.03):.4f}" for _ in range(19)]
    ends.insert(7, "write")
    told = train(tmp_path / "killed", *ends)
    assert told.count("killed") == 20
    assert told.splitlines()[-1] == "never ended 0"
    assert histories(tmp_path / "killed") == histories(tmp_path / "whole")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = config()
    origin = Origin(["trainer.epochs=5"], {"optimizer": "adam", "experiment": "x"}, [tmp_path])
    save_config("abc", cfg, origin, {"fingerprint": "f"})
    return cfg


def config(**changes):
    cfg = OmegaConf.create(
        {
            "resume": None,
            "objective": "best/val_skill",
            "tracking": {"log_model": True},
            "trusted_modules": [],
            "seed": 0,
            "optimizer": {"learning_rate": 0.1},
            "trainer": {"epochs": 5, "batch_size": 32, "threads": "auto", "checkpoint_every": 1},
        }
    )
    for key, value in {"resume": "abc", **changes}.items():
        OmegaConf.update(cfg, key, value)
    return cfg


def test_a_resumed_run_uses_its_stored_config_and_not_the_present_defaults(run):
    now = config(seed=3)
    cfg, origin = resumed_config(now, ["resume=abc"], {})
    assert (cfg.seed, cfg.resume, origin.overrides) == (0, "abc", ["trainer.epochs=5"])


def test_the_number_of_epochs_can_be_raised_but_not_lowered(run):
    cfg, _ = resumed_config(config(**{"trainer.epochs": 9}), ["resume=abc", "trainer.epochs=9"], {})
    assert cfg.trainer.epochs == 9
    with pytest.raises(ConfigError, match=r"(?s)trainer.epochs.*allowed: 5 or more"):
        resumed_config(config(**{"trainer.epochs": 4}), ["resume=abc", "trainer.epochs=4"], {})


@pytest.mark.parametrize(
    ("key", "value"), [("trainer.batch_size", 64), ("seed", 1), ("optimizer.learning_rate", 0.2)]
)
def test_a_change_that_affects_the_results_is_rejected_with_its_key(run, key, value):
    with pytest.raises(ConfigError, match=key):
        resumed_config(config(**{key: value}), ["resume=abc", f"{key}={value}"], {})


def test_another_option_of_a_group_is_rejected_and_the_same_one_is_not(run):
    resumed_config(config(), ["resume=abc", "experiment=x"], {"experiment": "x"})
    with pytest.raises(ConfigError, match="experiment"):
        resumed_config(config(), ["resume=abc", "experiment=y"], {"experiment": "y"})


def test_a_stored_config_does_not_widen_trust(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_config("abc", config(trusted_modules=["os"]), Origin([], {}, [tmp_path]), {"fingerprint": "f"})
    cfg, _ = resumed_config(config(resume="abc"), [], {})
    assert cfg.trusted_modules == []


def test_changeable_keys_can_differ(run):
    now = config(**{"trainer.threads": 2, "tracking.log_model": False})
    cfg, _ = resumed_config(now, ["resume=abc", "trainer.threads=2", "tracking.log_model=false"], {})
    assert (cfg.trainer.threads, cfg.tracking.log_model) == (2, False)


def test_the_message_for_a_misspelled_run_has_the_nearest_one(run):
    with pytest.raises(ConfigError, match="nearest: abc"):
        full_id("abd")


def test_a_run_is_found_by_its_id_its_beginning_or_as_the_latest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no run was trained here"):
        full_id("latest")
    for age, name in enumerate(("12345678", "1234abcd", "99990000")):
        folder = tmp_path / "mlruns" / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("seed: 0")
        os.utime(folder / "config.yaml", (1000 - age, 1000 - age))
    assert [full_id(name) for name in ("1234abcd", "9999", "12345")] == ["1234abcd", "99990000", "12345678"]
    assert full_id("latest") == "12345678"
    with pytest.raises(ConfigError, match="2 runs have an id that begins so"):
        full_id("1234")
    with pytest.raises(ConfigError, match="no checkpoints of this run"):
        full_id("999")


def test_a_finished_run_is_unfinished_again_with_more_epochs(run):
    assert not is_finished("abc", 5)
    mark_finished("abc", 5)
    assert is_finished("abc", 5)
    assert not is_finished("abc", 6)
    assert json.loads(Path("mlruns/checkpoints/abc/finished.json").read_text()) == {"epochs": 5}


@pytest.mark.parametrize("fault", ["cut", "empty", "a list", "binary"])
@pytest.mark.parametrize("file", ["config.yaml", "origin.json", "finished.json"])
def test_a_damaged_file_of_a_run_is_a_message_that_names_it(run, file, fault):
    mark_finished("abc", 5)
    path = Path("mlruns/checkpoints/abc") / file
    whole = path.read_bytes()
    bad = {"cut": whole[: len(whole) // 3], "empty": b"", "a list": b"[1, 2]", "binary": bytes(range(256))}
    path.write_bytes(bad[fault])
    with pytest.raises(ConfigError, match=f"(?s){file} is damaged"):
        is_finished("abc", 5) if file == "finished.json" else resumed_config(config(), ["resume=abc"], {})


def test_a_run_that_was_killed_while_its_files_were_written_keeps_no_half_of_them(run, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda handle: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mark_finished("abc", 5)
    assert not is_finished("abc", 5)
    assert not [path for path in Path("mlruns/checkpoints/abc").iterdir() if path.name.endswith(".part")]


def test_the_command_of_a_run_names_its_config_folder_and_quotes_its_overrides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = ["data=rows", "tracking.run_name=two words"]
    words = "python -m pipeline.train {}data=rows 'tracking.run_name=two words'"
    assert Origin(overrides, {}, [tmp_path]).command() == words.format("")
    inside = Origin(overrides, {}, [tmp_path, tmp_path / "my conf"])
    assert inside.command() == words.format("--config-dir 'my conf' ")
    outside = Origin(overrides, {}, [tmp_path, Path("/elsewhere/conf")])
    assert outside.command() == words.format("--config-dir /elsewhere/conf ")


def test_the_learning_rate_may_change_after_a_loss_that_was_not_finite(run):
    words, now = ["resume=abc", "optimizer.learning_rate=0.01"], config(**{"optimizer.learning_rate": 0.01})
    mark_not_finite("abc")
    cfg, _ = resumed_config(now, words, {})
    assert cfg.optimizer.learning_rate == 0.01
    assert rate_change("abc", cfg) == pytest.approx(0.1)
    mark_finished("abc", 5)
    with pytest.raises(ConfigError, match="a resumed run cannot change this"):
        resumed_config(now, words, {})


def test_the_folders_of_a_project_that_was_moved_or_copied_move_with_it(run, tmp_path, monkeypatch):
    _, origin = resumed_config(config(), ["resume=abc"], {})
    old = origin.folders[0]
    facts = json.loads((old / "mlruns" / "checkpoints" / "abc" / "origin.json").read_text())
    facts["folders"] = [str(old), str(old / "conf"), "/elsewhere/conf"]
    shutil.copytree(old / "mlruns", tmp_path / "copy" / "mlruns")
    copied = tmp_path / "copy" / "mlruns" / "checkpoints" / "abc" / "origin.json"
    copied.write_text(json.dumps(facts))
    monkeypatch.chdir(tmp_path / "copy")
    _, origin = resumed_config(config(), ["resume=abc"], {})
    assert origin.folders == [tmp_path / "copy", tmp_path / "copy" / "conf", Path("/elsewhere/conf")]


def test_the_commands_that_go_on_with_a_run_name_the_folder_of_its_files(monkeypatch):
    monkeypatch.setattr(paths, "_folder", "else where")
    assert resuming("r", None) == "python -m pipeline.train resume=r 'tracking.folder=else where'"
    assert sync_command("r") == "python -m pipeline.sync run=r 'tracking.folder=else where'"
    monkeypatch.setattr(paths, "_folder", paths.FOLDER)
    assert resuming("r", None) == "python -m pipeline.train resume=r"
    assert sync_command("r") == "python -m pipeline.sync run=r"


def test_a_run_is_found_in_the_folder_that_its_store_knows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.paths._folder", "mlruns")
    config = tmp_path / "config.yaml"
    config.write_text("tracking: {folder: else where}")
    stored = SimpleNamespace(run_id="12345678", artifact=lambda path: config)
    monkeypatch.setattr("pipeline.tracking.find_run", lambda name, uri: stored)
    cfg = OmegaConf.create({"resume": "1234", "tracking": {"folder": "mlruns", "uri": None}})
    with pytest.raises(ConfigError, match="has no checkpoints of this run"):
        found_id(cfg)  # its files are gone
    files = tmp_path / "else where" / "checkpoints" / "12345678"
    files.mkdir(parents=True)
    (files / "config.yaml").touch()
    assert found_id(cfg) == "12345678"
    assert cfg.tracking.folder == paths.used_folder() == "else where"
    cfg.resume = "latest"
    monkeypatch.setattr("pipeline.paths._folder", "mlruns")
    with pytest.raises(ConfigError, match="has no checkpoints of this run"):
        found_id(cfg)
