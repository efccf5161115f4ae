"""What is compared of runs and sweeps."""

from types import SimpleNamespace

import pandas as pd
import pytest

from pipeline.comparison.verdicts import Contender
from pipeline.errors import ConfigError
from pipeline.finished.contenders import (
    FOLDS,
    HISTORY,
    OUT_OF_FOLD,
    _history,
    common_splits,
    fold_sets,
    settings,
)


def contender(*splits: str) -> Contender:
    return Contender("3f2a", "a", {}, {}, dict.fromkeys(splits, pd.DataFrame()))


def test_sweeps_over_folds_are_compared_on_all_rows_rather_than_on_the_test_rows_of_their_ensembles():
    folds, single = contender("test", OUT_OF_FOLD), contender("test", "val")
    assert common_splits([folds, folds]) == [OUT_OF_FOLD, "test"]
    assert common_splits([folds, single]) == ["test"]
    assert common_splits([single, single]) == ["test", "val"]


def test_runs_without_rows_of_the_same_kind_are_refused():
    with pytest.raises(ConfigError, match="no rows of the same kind"):
        common_splits([contender(OUT_OF_FOLD), contender("val")])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config/config.yaml", b"[1, 2]"),
        ("config/config.yaml", b"\xff\xfe\x00"),
        (HISTORY, b""),
        (HISTORY, b"loss\n1\n"),
        (HISTORY, b"epoch,loss\n1,much\n"),
        (FOLDS, b""),
        (FOLDS, b"[1, 2]"),
        (FOLDS, b'[{"name": "a"}]'),
    ],
)
def test_damaged_files_of_a_run_are_named(tmp_path, name, content):
    run = SimpleNamespace(artifact=lambda path: tmp_path / path, has=lambda path: path == name, params={})
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(content)
    read = {"config/config.yaml": settings, HISTORY: _history, FOLDS: fold_sets}[name]
    with pytest.raises(ConfigError, match=rf"^run: .*{name} is damaged"):
        read(run)
