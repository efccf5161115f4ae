"""The file of predictions has a row per input row, and rows that cannot be predicted have their reasons."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.unlabelled import RowReader
from pipeline.finished import predictions
from pipeline.finished import run as finished_run
from pipeline.finished.predictions import predict
from pipeline.finished.run import FinishedRun, restore_input
from pipeline.job.prediction_columns import PredictionColumns

SPECS = {"x": {"x": ((2,), "float32")}}
COLUMN = {"kind": "vector", "column": ["s.a", "s.b"], "scale": "none"}


@pytest.fixture(scope="module")
def finished():
    """A run whose heads predict the sum and the larger of two columns."""
    entry = keras.Input((2,), name="x")
    outputs = {"sum": keras.ops.sum(entry, axis=1, keepdims=True), "larger": keras.ops.softmax(entry)}
    columns = {"sum": PredictionColumns("number", ["y"]), "larger": PredictionColumns("category", ["a", "b"])}
    inputs = {"x": restore_input("x", COLUMN, SPECS["x"])}
    return FinishedRun(None, keras.Model({"x": entry}, outputs), SPECS, inputs, columns)


@pytest.fixture
def predict_rows(finished, tmp_path):
    """A function that predicts rows (a, b) of a file: the table, and the number of rows and rejected rows."""

    def predicted(rows, key=None, output="new/o.parquet", **more):
        frame = pd.DataFrame({"a": [row[0] for row in rows], "b": [row[1] for row in rows], **more})
        frame.to_csv(tmp_path / "rows.csv", index=False)
        reader = RowReader("rows.csv", finished.inputs, SPECS, key=key, folders=[tmp_path])
        counts = predict(finished, reader, tmp_path / output)
        return pq.read_table(tmp_path / output), counts

    return predicted


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of four rows, in batches of two."""
    monkeypatch.setattr(finished_run, "BATCH_BYTES", 2 * 8)
    monkeypatch.setattr(finished_run, "CHUNK_BYTES", 4 * 8)


ROWS = [(row, 10 - row) if row % 2 else (row, 20) for row in range(10)]


def test_every_row_has_its_number_and_the_columns_of_every_head(predict_rows):
    table, counts = predict_rows(ROWS)
    assert counts == (10, 0)
    assert table.schema.names == [
        "row",
        "sum_predicted",
        "larger_predicted",
        "larger_probability",
        "larger_probabilities",
    ]
    assert table["row"].to_pylist() == list(range(10))
    assert table["sum_predicted"].to_pylist() == [a + b for a, b in ROWS]
    assert table["larger_predicted"].to_pylist() == ["a" if a >= b else "b" for a, b in ROWS]


@pytest.mark.usefixtures("small_chunks")
def test_chunks_and_batches_of_any_size_give_the_same_table(predict_rows, tmp_path, monkeypatch):
    path = tmp_path / "new" / "o.parquet"
    small, _ = predict_rows(ROWS)
    assert pq.ParquetFile(path).num_row_groups == 3
    monkeypatch.undo()
    whole, _ = predict_rows(ROWS)
    assert pq.ParquetFile(path).num_row_groups == 1
    assert small.equals(whole)


@pytest.mark.usefixtures("small_chunks")
def test_rows_are_read_in_chunks_that_fit_and_no_rows_give_an_empty_table(finished, tmp_path):
    sizes = []
    reader = SimpleNamespace(key_name=None, read=lambda rows: sizes.append(rows) or [])
    assert predict(finished, reader, tmp_path / "o.parquet") == (0, 0)
    assert sizes == [4]
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 0


@pytest.mark.usefixtures("small_chunks")
def test_rejected_rows_are_null_and_listed_with_their_row_over_all_chunks(predict_rows, tmp_path):
    rows = list(ROWS)
    rows[1], rows[6] = ("one", 9), (6, "six")
    table, counts = predict_rows(rows)
    assert counts == (10, 2)
    assert table["row"].to_pylist() == list(range(10))
    for name in table.schema.names[1:]:
        assert [row for row, cell in enumerate(table[name].to_pylist()) if cell is None] == [1, 6], name
    assert table["sum_predicted"][5].as_py() == 10
    listed = pd.read_csv(tmp_path / "new" / "o.rejected.csv")
    assert listed.columns.tolist() == ["row", "column", "reason"]
    assert listed["row"].tolist() == [1, 6]
    assert listed["column"].tolist() == ["s.a", "s.b"]
    assert ["one" in listed["reason"][0], "six" in listed["reason"][1]] == [True, True]


@pytest.mark.usefixtures("small_chunks")
def test_a_chunk_without_a_good_row_keeps_the_types_of_the_columns(predict_rows):
    table, counts = predict_rows([("x", "y")] * 4 + ROWS[:3])
    assert counts == (7, 4)
    assert table["sum_predicted"].type == pa.float32()
    assert table["sum_predicted"].to_pylist() == [None] * 4 + [a + b for a, b in ROWS[:3]]


def test_rows_whose_output_is_not_finite_are_rejected_with_the_input(predict_rows, tmp_path):
    table, counts = predict_rows([(1, 2), (None, None), (3, None)])
    assert counts == (3, 2)
    assert table["sum_predicted"].to_pylist() == [3, None, None]
    listed = pd.read_csv(tmp_path / "new" / "o.rejected.csv", keep_default_na=False)
    assert listed["row"].tolist() == [1, 2]
    assert listed["column"].tolist() == ["x", ""]
    assert "values of x are missing" in listed["reason"][0]
    assert "the cause is unknown" in listed["reason"][1]


def test_the_reasons_of_an_earlier_call_are_removed(predict_rows, tmp_path):
    predict_rows([("x", 1), (1, 2)])
    rejected = tmp_path / "new" / "o.rejected.csv"
    assert rejected.exists()
    predict_rows(ROWS)
    assert not rejected.exists()


def test_keys_stand_beside_the_row_as_text_and_may_be_missing(predict_rows):
    table, _ = predict_rows(ROWS[:3], key="id", id=["p1", None, "p3"])
    assert table.schema.names[:2] == ["row", "id"]
    assert table["id"].to_pylist() == ["p1", None, "p3"]
    numbers, _ = predict_rows(ROWS[:3], key="id", id=[7, 8, 9])
    assert numbers["id"].to_pylist() == ["7", "8", "9"]


def test_a_call_that_fails_leaves_no_file_and_an_earlier_one_unchanged(finished, predict_rows, tmp_path):
    earlier, _ = predict_rows(ROWS[:2])

    def fail(rows):
        raise OSError("the disk is gone")
        yield

    with pytest.raises(OSError, match="the disk is gone"):
        predict(finished, SimpleNamespace(key_name=None, read=fail), tmp_path / "new" / "o.parquet")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["o.parquet"]
    assert pq.read_table(tmp_path / "new" / "o.parquet").equals(earlier)


@pytest.mark.parametrize(
    ("pixels", "reason"), [(1, "values of image are missing"), (0, "the cause is unknown")]
)
def test_an_image_that_lacks_pixels_is_blamed_and_a_short_series_is_not(pixels, reason):
    arrays = {"image": np.zeros((2, 3, 3, 1)), "series": np.full((2, 4, 2), np.nan)}
    arrays["series"][:, :2] = 1.0
    arrays["image"][1, 0, :pixels] = np.nan
    rows = SimpleNamespace(good=np.array([3, 7]), arrays=arrays)
    specs = {name: {name: None} for name in arrays}
    inputs = {name: SimpleNamespace(kind=name) for name in arrays}
    outputs = {"class": np.array([[1.0], [np.nan]])}
    finite, faults = predictions._finite_rows(rows, outputs, SimpleNamespace(inputs=inputs, specs=specs))
    assert finite.tolist() == [True, False]
    assert list(faults) == [7]
    assert reason in faults[7][1]
    assert "series" not in faults[7][1]
