"""GPUs that are not there: what is asked of TensorFlow, which GPU a process takes, what fits."""

import os
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.training import gpus
from tests.processes import run

OWN = "from pathlib import Path; import sys; from pipeline.training import gpus; "


@pytest.fixture(autouse=True)
def forget_the_lock(monkeypatch):
    monkeypatch.setattr(gpus, "_held", [])
    yield
    for handle in gpus._held[1:]:
        os.close(handle)


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine with two GPUs; returns what was set."""
    found = {"visible": ["first", "second"], "growing": []}
    config = tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["first", "second"])
    monkeypatch.setattr(config, "set_visible_devices", lambda some, kind: found.update(visible=some))
    monkeypatch.setattr(config, "get_visible_devices", lambda kind: found["visible"])
    growth = lambda gpu, on: found["growing"].append(gpu) if on else None  # noqa: E731
    monkeypatch.setattr(config.experimental, "set_memory_growth", growth)
    return found


def test_memory_is_taken_as_it_is_needed(two_gpus):
    gpus.set_up_gpus(shared=False)
    assert two_gpus == {"visible": ["first", "second"], "growing": ["first", "second"]}


def test_a_trial_beside_others_takes_one_gpu(two_gpus, monkeypatch, tmp_path):
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    gpus.set_up_gpus(shared=True)
    assert two_gpus == {"visible": ["first"], "growing": ["first"]}


def test_a_process_whose_gpus_are_in_use_keeps_them(two_gpus, monkeypatch):
    def used(gpu, on):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", used)
    gpus.set_up_gpus(shared=False)


@pytest.mark.slow
def test_processes_take_different_gpus_until_all_are_taken(tmp_path):
    assert [gpus.own_number(3, tmp_path) for _ in range(2)] == [0, 0]
    assert other_process(tmp_path) == 1
    os.close(gpus._held[1])
    gpus._held.clear()
    assert other_process(tmp_path) == 0, "a process that has ended gives its GPU back"


@pytest.mark.slow
def test_more_processes_than_gpus_share_them(tmp_path):
    gpus.own_number(1, tmp_path)
    assert other_process(tmp_path, gpus=1) == 0


def other_process(folder: Path, gpus: int = 3) -> int:
    code = f"{OWN}print(gpus.own_number({gpus}, Path(sys.argv[1])))"
    return int(run([sys.executable, "-c", code, folder], check=True).stdout)


@pytest.mark.parametrize(("size", "fits"), [(511 * 2**20, True), (513 * 2**20, False)])
def test_data_fits_into_half_of_the_free_memory(two_gpus, monkeypatch, tmp_path, size, fits):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 4096\necho 1024\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert gpus.fits(size) is fits


def test_without_a_gpu_or_its_memory_known_everything_fits(two_gpus, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.free_memory() is None
    assert gpus.fits(10**15)
    two_gpus["visible"] = []
    assert gpus.fits(10**15)
