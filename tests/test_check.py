"""`python -m pipeline.check` says what a run would be, and leaves nothing behind."""

import os
import re
import subprocess
import sys

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from pipeline import check, config

SMALL = ["experiment=penguins", "fusion.units=[4]"]


def call(where, *overrides):
    command = [sys.executable, "-m", "pipeline.check", *overrides]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, cwd=where, capture_output=True, text=True, env=environment)


def page(*overrides):
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[*SMALL, *overrides])
    text = check.page(cfg, folders=[])
    sections = re.split(r"^(\w+) +", text, flags=re.MULTILINE)[1:]
    return dict(zip(sections[::2], sections[1::2], strict=True))


def test_a_config_and_its_data_are_checked_and_nothing_is_written(planted_folder, tmp_path):
    arguments = [
        "--config-dir",
        str(planted_folder),
        "data=planted",
        "branches=image_series",
        "heads=planted",
    ]
    done = call(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "train 400, val 200, test 200" in done.stdout
    assert "place" in done.stdout
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_ends_with_code_2_as_in_training(planted_folder, tmp_path):
    arguments = [
        "--config-dir",
        str(planted_folder),
        "data=planted",
        "branches=image_series",
        "heads=planted",
    ]
    done = call(tmp_path, *arguments, "data.targets.slope.column=planted.slop")
    assert done.returncode == 2
    assert "data.targets.slope.column" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_page_has_every_section():
    found = page()
    assert list(found) == ["data", "labels", "leaks", "model", "steps", "memory", "time"]
    assert "train 241, val 51, test 52" in found["data"]
    assert "Adelie" in found["labels"]
    assert found["leaks"].startswith("none found")
    assert "head species" in found["model"]
    assert re.search(r"losses species [\d.]+, body_mass [\d.]+; every weight moves", found["steps"])
    assert "8 steps an epoch" in found["time"]


def test_weights_that_no_loss_moves_are_named():
    assert "do not move: " in page("loss_weights.species=0")["steps"]
    assert "species" in page("loss_weights.species=0")["steps"].partition("do not move")[2]


def test_leaks_are_listed_or_not_looked_for():
    assert "not looked for" in page("data.leaks=ignore")["leaks"]
    assert "have the same inputs" in page("experiment=gray_colour", "trainer.batch_size=4")["leaks"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "0.5 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_are_in_a_unit_that_fits(seconds, words):
    assert check._duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(12, "12 B"), (1234, "1.23 kB"), (6e9, "6 GB")])
def test_sizes_are_in_a_unit_that_fits(size, words):
    assert check._bytes(size) == words
