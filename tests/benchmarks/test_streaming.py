"""Streamed data trains in bounded memory, and as well as data in memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import streaming

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_resident_memory_does_not_grow_with_the_file(tmp_path):
    rows = int(0.7e9 / streaming.ROW_BYTES)
    streaming.generate(tmp_path / "large", rows)
    command = [sys.executable, "-m", "benchmarks.streaming", "--epoch-in", str(tmp_path / "large")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    (tmp_path / "large" / "image.npy").unlink()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # In memory, the array and its tensors alone would take 1.4 GB.
    assert found["beyond"] < 0.7e9


@pytest.mark.slow
def test_a_stream_learns_as_well_as_arrays_in_memory(tmp_path):
    streaming.generate(tmp_path / "small", 3000, signal=0.6)
    found = [
        streaming.train(streaming.make_job(tmp_path / "small", in_memory=in_memory), epochs=3)
        for in_memory in (False, True)
    ]
    losses = [metrics["val/class_loss"] for metrics in found]
    assert np.isfinite(losses).all()
    assert losses[0] == pytest.approx(losses[1], rel=0.3)
    assert losses[0] < np.log(streaming.CLASSES) / 2


def test_numpy_can_read_the_generated_file(tmp_path):
    streaming.generate(tmp_path / "few", 50)
    images, labels = (np.load(tmp_path / "few" / f"{name}.npy") for name in ("image", "label"))
    assert (images.shape, images.dtype) == ((50, 32, 32, 3), np.float32)
    bright = images.mean(axis=(1, 3))[np.arange(50), 3 * labels]
    assert bright.mean() == pytest.approx(images.mean() + 0.15, abs=0.02)
