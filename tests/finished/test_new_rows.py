"""Rows of a finished run beside those of its training."""

import json

import numpy as np
import pytest

from pipeline.data import drift
from pipeline.errors import ConfigError
from pipeline.finished.new_rows import SEEN, NewRows, section


class Run:
    """A stored run with a summary of some training rows."""

    def __init__(self, folder, dataset):
        self.folder = folder
        (folder / "data").mkdir(exist_ok=True)
        columns = drift.Summary.of(drift.training_measures(dataset)).as_json()
        (folder / SEEN).write_text(json.dumps({"columns": columns}))

    def has(self, path):
        return (self.folder / path).exists()

    def artifact(self, path):
        return self.folder / path


def test_the_validation_rows_are_like_the_training_rows_and_changed_ones_are_not(
    untrained, finished, tmp_path
):
    dataset = untrained.job.dataset
    run, raw = Run(tmp_path, dataset), dict(dataset.splits["val"].raw)
    seen = NewRows(run, finished)
    seen.add(raw)
    assert seen.sentence() == "inputs: like the training rows (5 columns tested)"
    assert section(seen.differences()).tables["drift"].show == "folded"
    other = NewRows(run, finished)
    other.add({**raw, "traits.sex": np.full(len(raw["traits.sex"]), "", object)})
    assert [one.column for one in other.differences() if one.differs] == ["traits.sex"]
    assert section(other.differences()).tables["drift"].show == "open"


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"columns": 3}', b"\xff", b"[" * 100_000])
def test_a_damaged_summary_of_the_training_rows_is_named(untrained, finished, tmp_path, content):
    run = Run(tmp_path, untrained.job.dataset)
    (tmp_path / SEEN).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^run: .*{SEEN} is damaged"):
        NewRows(run, finished)


def test_inputs_that_are_left_out_are_not_compared(untrained, finished, tmp_path):
    dataset = untrained.job.dataset
    seen = NewRows(Run(tmp_path, dataset), finished, ["traits"])
    seen.add(dataset.splits["val"].raw)
    assert seen.differences() == []
    assert "nothing to compare" in seen.sentence()
