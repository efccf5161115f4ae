"""The logged predictions of a split."""

from types import SimpleNamespace

import pandas as pd

from pipeline.comparison.logged_rows import logged_rows


def test_validation_rows_that_were_set_aside_belong_to_their_split(tmp_path):
    (tmp_path / "predictions").mkdir()
    run = SimpleNamespace(artifact=lambda path: tmp_path / path, has=lambda path: (tmp_path / path).exists())
    for split, rows in {"val": [1, 4], "test": [2]}.items():
        pd.DataFrame({"row": rows}).to_parquet(tmp_path / f"predictions/{split}.parquet")
    assert logged_rows(run, "val").row.tolist() == [1, 4]
    pd.DataFrame({"row": [3]}).to_parquet(tmp_path / "predictions/calibration.parquet")
    assert logged_rows(run, "val").row.tolist() == [1, 4, 3]
    assert logged_rows(run, "test").row.tolist() == [2]
