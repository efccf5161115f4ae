"""The logged predictions of a split."""

from types import SimpleNamespace

import pandas as pd
import pytest

from pipeline.comparison.logged_rows import compared_rows, logged_rows
from pipeline.errors import ConfigError

GOOD = pd.DataFrame({"row": [1, 2], "a_label": ["x", "y"], "a_predicted": ["x", "x"], "a_loss": [0.1, 0.2]})


def test_validation_rows_that_were_set_aside_belong_to_their_split(tmp_path):
    (tmp_path / "predictions").mkdir()
    run = SimpleNamespace(artifact=lambda path: tmp_path / path, has=lambda path: (tmp_path / path).exists())
    for split, rows in {"val": [1, 4], "test": [2]}.items():
        pd.DataFrame({"row": rows}).to_parquet(tmp_path / f"predictions/{split}.parquet")
    assert logged_rows(run, "val").row.tolist() == [1, 4]
    pd.DataFrame({"row": [3]}).to_parquet(tmp_path / "predictions/calibration.parquet")
    assert logged_rows(run, "val").row.tolist() == [1, 4, 3]
    assert logged_rows(run, "test").row.tolist() == [2]


@pytest.mark.parametrize(
    "frame",
    [
        GOOD[["row"]],
        GOOD.drop(columns="row"),
        GOOD.drop(columns="a_loss"),
        GOOD.drop(columns="a_predicted"),
        GOOD.assign(a_loss="much"),
        GOOD.assign(row=1),
    ],
)
def test_predictions_that_somebody_changed_are_refused(tmp_path, frame):
    run = SimpleNamespace(artifact=lambda path: tmp_path / path)
    GOOD.to_parquet(tmp_path / "test.parquet")
    assert len(compared_rows(run, "test.parquet")) == 2
    frame.to_parquet(tmp_path / "test.parquet")
    with pytest.raises(ConfigError, match=r"^run: .*test\.parquet is damaged"):
        compared_rows(run, "test.parquet")


@pytest.mark.parametrize("content", [b"", b"row,a_label\n", b"PAR1PAR1"])
def test_predictions_that_are_no_parquet_file_are_refused(tmp_path, content):
    run = SimpleNamespace(artifact=lambda path: tmp_path / path)
    (tmp_path / "test.parquet").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^run: .*test\.parquet is damaged"):
        compared_rows(run, "test.parquet")
