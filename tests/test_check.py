"""`python -m pipeline.check` says what a run would be, and leaves nothing behind."""

import re

import numpy as np
import pytest

from pipeline import check
from tests import processes
from tests.verbs import call

SMALL = ["experiment=penguins", "fusion.units=[4]"]
PLANTED = ["data=planted", "branches=image_series", "heads=planted"]


def sections(text):
    """Section of the page -> its text."""
    words = re.split(r"^(\w+) +", text, flags=re.MULTILINE)[1:]
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("run", [call, pytest.param(processes.run_verb, marks=pytest.mark.slow)])
def test_a_config_and_its_data_are_checked_and_nothing_is_written(tmp_path, run):
    done = run("check", *SMALL, where=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = sections(done.stdout)
    assert list(found) == ["data", "labels", "leaks", "model", "steps", "memory", "time"]
    assert "train 241, val 52, test 51" in found["data"]
    assert "Adelie" in found["labels"]
    assert found["leaks"].startswith("none found")
    assert "head species" in found["model"]
    assert re.search(r"losses species [\d.]+, body_mass [\d.]+; every weight changes", found["steps"])
    assert "8 steps per epoch" in found["time"]
    assert not list(tmp_path.iterdir())


def test_a_wrong_key_ends_with_code_2_before_anything_heavy_is_imported(tmp_path):
    done, heavy = processes.heavy_imports("check", "+optimiser=adam", where=tmp_path)
    assert (done.returncode, heavy) == (2, set())
    assert "optimiser" in done.stderr


def test_what_is_wrong_ends_with_code_2_as_in_training(planted_folder, tmp_path):
    wrong = "data.targets.slope.column=planted.slop"
    done = call("check", "--config-dir", planted_folder, *PLANTED, wrong, where=tmp_path)
    assert done.returncode == 2
    assert "data.targets.slope.column" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_weights_that_no_loss_moves_are_named_and_leaks_may_be_ignored(tmp_path):
    found = sections(
        call("check", *SMALL, "loss_weights.species=0", "data.leaks=ignore", where=tmp_path).stdout
    )
    _, words, still = found["steps"].partition("these weights do not change: ")
    assert words
    assert "species" in still
    assert "body_mass" not in still
    assert "not checked" in found["leaks"]


def test_leaks_are_listed(planted_folder, tmp_path):
    arrays = dict(np.load(planted_folder / "planted.npz"))
    for name in ("image", "series", "length"):
        arrays[name][1] = arrays[name][0]  # a validation row with the inputs of a training row
    np.savez(tmp_path / "planted.npz", **arrays)
    done = call("check", "--config-dir", planted_folder, *PLANTED, where=tmp_path)
    assert "have the same inputs" in sections(done.stdout)["leaks"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "0.5 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_are_in_a_unit_that_fits(seconds, words):
    assert check._duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(12, "12 B"), (1234, "1.23 kB"), (6e9, "6 GB")])
def test_sizes_are_in_a_unit_that_fits(size, words):
    assert check._bytes(size) == words
