"""A user's own files with gaps in every column: one YAML file trains on them, and raw rows are predicted."""

import json
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image

from tests import processes

pytestmark = pytest.mark.slow
ROWS = 480
MINE = """
sources: {rows: ../mine/rows.csv, weather: ../mine/weather.npz}
join: id
inputs:
  plane: {kind: table, numeric: [rows.seats, rows.distance], categorical: [rows.carrier]}
  weather: {kind: series, column: weather.weather, length: weather.length}
  photo: {kind: image, column: rows.photo, root: ../mine/photos}
  title: {kind: text, column: rows.title}
targets:
  status: {kind: category, column: rows.status}
  delay: {kind: number, column: rows.delay}
split: {fractions: [0.6, 0.2, 0.2], stratify: status}
"""
# Runs in a process that does not import pipeline, as on a server.
PREDICT = """
import json, sys
import mlflow, numpy as np
outputs = mlflow.pyfunc.load_model(sys.argv[1]).predict(dict(np.load(sys.argv[2], allow_pickle=True)))
assert not any(name.startswith("pipeline") for name in sys.modules)
print(json.dumps({name: np.asarray(values).tolist() for name, values in outputs.items()}))
"""


def write_data(folder: Path) -> pd.DataFrame:
    """Writes a CSV, an .npz with its rows in another order, and PNGs; returns them as one frame.

    `status` can be learned from the photo, `delay` from the other inputs.
    """
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir(parents=True)
    status, seats, wind = rng.integers(0, 3, ROWS), rng.normal(size=ROWS), rng.normal(size=ROWS)
    for row in range(ROWS):
        pixels = rng.integers(0, 60, (12, 12)).astype("uint8")
        pixels[4 * status[row] : 4 * status[row] + 4] += 150
        Image.fromarray(pixels).save(folder / "photos" / f"{row}.png")

    def with_gaps(values, share):
        return pd.Series(values, dtype=object).where(rng.random(ROWS) > share, None)

    frame = pd.DataFrame(
        {
            "id": [f"f{row}" for row in range(ROWS)],
            "seats": with_gaps(100 + 30 * seats, 0.1),
            "distance": with_gaps(rng.integers(100, 900, ROWS), 0.1),
            "carrier": with_gaps(rng.choice(["AA", "BB", "CC"], ROWS), 0.1),
            "photo": with_gaps([f"{row}.png" for row in range(ROWS)], 0.1),
            "title": with_gaps([f"{['calm', 'stormy'][int(w > 0)]} flight" for w in wind], 0.2),
            "status": with_gaps(np.array(["on time", "late", "gone"])[status], 0.3),
            "delay": with_gaps(10 + 5 * seats + 3 * wind, 0.2),
        }
    )
    frame.to_csv(folder / "rows.csv", index=False)
    order, length = rng.permutation(ROWS), rng.integers(0, 9, ROWS)
    weather = (wind[:, None, None] + rng.normal(0, 0.2, (ROWS, 8, 2))).astype("float32")
    weather[3, 1, 0] = np.nan
    arrays = {"id": frame["id"].to_numpy(str), "weather": weather, "length": length}
    np.savez(folder / "weather.npz", **{name: values[order] for name, values in arrays.items()})
    return frame.assign(weather=list(weather), length=length)


@dataclass
class TrainedRun:
    where: Path
    frame: pd.DataFrame
    run: mlflow.entities.Run
    stderr: str

    def artifact(self, path: str) -> Path:
        return Path(client(self.where).download_artifacts(self.run.info.run_id, path))


def store(where: Path) -> str:
    return f"sqlite:///{where}/mlruns/mlflow.db"


def client(where: Path) -> MlflowClient:
    mlflow.set_tracking_uri(store(where))
    return MlflowClient(store(where))


@pytest.fixture(scope="module", params=["true", "false"], ids=["in memory", "streamed"])
def trained(request, tmp_path_factory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("own")
    frame = write_data(folder / "mine")
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "mine.yaml").write_text(MINE)
    where = folder / "work"
    where.mkdir()
    data = ["--config-dir", folder / "conf", "data=mine", "branches=auto", "heads=auto"]
    trainer = ["trainer.epochs=15", "trainer.early_stopping=null", "optimizer.learning_rate=0.005"]
    command = processes.command("train", *data, f"data.in_memory={request.param}", *trainer)
    process = processes.run(command, where)
    assert process.returncode == 0, process.stderr
    experiments = client(where).search_experiments()
    runs = client(where).search_runs([experiment.experiment_id for experiment in experiments])
    return TrainedRun(where, frame, runs[0], process.stderr)


def test_both_targets_are_learned_and_only_mlruns_is_written(trained):
    metrics = trained.run.data.metrics
    assert metrics["test/status_accuracy"] > 0.85  # a tenth of the photos is missing
    assert metrics["test/delay_skill"] > 0.5
    # Both heads lack labels, of which the loss weights take account; no other warning.
    lines = trained.stderr.splitlines()
    assert [line.partition("=")[0] for line in lines if line.startswith("WARNING")] == [
        "WARNING: loss_weights.status",
        "WARNING: loss_weights.delay",
    ]
    assert [path.name for path in trained.where.iterdir()] == ["mlruns"]


def test_the_summary_counts_labelled_rows(trained):
    table = pd.read_csv(trained.artifact("data/summary.csv"))
    for name in ("status", "delay"):
        rows = table[table["target"] == name]
        assert rows["rows"].sum() == ROWS
        assert rows["labelled"].sum() == trained.frame[name].notna().sum()
    assert json.loads(trained.artifact("data/leaks.json").read_text()) == []


def raw_rows(frame: pd.DataFrame, folder: Path) -> dict[str, np.ndarray]:
    """The inputs of the logged model, read from the files; missing values are NaN or ""."""
    photo = np.full((len(frame), 12, 12, 1), np.nan, "float32")
    for place, name in enumerate(frame["photo"]):
        if name is not None:
            photo[place, ..., 0] = np.asarray(Image.open(folder / "photos" / name))
    weather = np.stack(frame["weather"])
    weather[np.arange(8) >= frame["length"].to_numpy()[:, None]] = np.nan
    texts = {name: frame[name].fillna("").to_numpy(object) for name in ("carrier", "title")}
    return {
        "plane.seats": frame["seats"].to_numpy("float32"),
        "plane.distance": frame["distance"].to_numpy("float32"),
        "plane.carrier": texts["carrier"],
        "weather": weather,
        "photo": photo,
        "title": texts["title"],
    }


def predict(trained: TrainedRun, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    file = trained.where.parent / "rows.npz"
    np.savez(file, **rows)
    model = f"runs:/{trained.run.info.run_id}/model"
    more = {"MLFLOW_TRACKING_URI": store(trained.where)}
    process = processes.python(PREDICT, model, file, where=file.parent, more=more)
    assert process.returncode == 0, process.stderr
    return {name: np.array(values) for name, values in json.loads(process.stdout.splitlines()[-1]).items()}


def test_raw_rows_are_predicted_without_this_package_as_in_the_run(trained):
    logged = pd.read_parquet(trained.artifact("predictions/test.parquet"))
    frame = trained.frame.iloc[logged["row"]]
    empty = frame.iloc[:2].assign(seats=None, distance=None, carrier=None, photo=None, title=None, length=0)
    outputs = predict(trained, raw_rows(pd.concat([frame, empty]), trained.where.parent / "mine"))
    names = json.loads(trained.artifact("config/labels.json").read_text())["status"]
    statuses = [names[code] for code in outputs["status"].argmax(axis=1)[:-2]]
    assert statuses == logged["status_predicted"].tolist()
    np.testing.assert_allclose(outputs["delay"][:-2, 0], logged["delay_predicted"], rtol=1e-3, atol=1e-3)
    # Rows in which every input is missing are predicted too.
    assert np.isfinite(outputs["delay"]).all()
    np.testing.assert_allclose(outputs["status"].sum(axis=1), 1, atol=1e-5)


def test_the_run_is_evaluated_again_without_naming_its_files(trained):
    command = processes.command("evaluate", "run=latest", "split=test", "resamples=20")
    process = processes.run(command, trained.where)
    assert process.returncode == 0, process.stderr
    metrics = client(trained.where).get_run(trained.run.info.run_id).data.metrics
    for name in ("status_accuracy", "delay_mae"):
        assert metrics[f"eval_test/{name}"] == pytest.approx(metrics[f"test/{name}"], rel=1e-4)
