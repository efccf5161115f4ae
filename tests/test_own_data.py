"""Own data, in files of three kinds with gaps everywhere: one YAML trains, and raw rows are predicted."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image

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
# In a process that never imports pipeline, as where a model is served.
PREDICT = """
import json, sys
import mlflow, numpy as np
found = mlflow.pyfunc.load_model(sys.argv[1]).predict(dict(np.load(sys.argv[2], allow_pickle=True)))
assert not any(name.startswith("pipeline") for name in sys.modules)
print(json.dumps({name: np.asarray(values).tolist() for name, values in found.items()}))
"""


def write_data(folder: Path) -> pd.DataFrame:
    """A CSV, an .npz in another order of rows, and PNGs; `status` shows in the photo, `delay` elsewhere."""
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir(parents=True)
    status, seats, wind = rng.integers(0, 3, ROWS), rng.normal(size=ROWS), rng.normal(size=ROWS)
    for row in range(ROWS):
        pixels = rng.integers(0, 60, (12, 12)).astype("uint8")
        pixels[4 * status[row] : 4 * status[row] + 4] += 150
        Image.fromarray(pixels).save(folder / "photos" / f"{row}.png")

    def some(values, share):
        return pd.Series(values, dtype=object).where(rng.random(ROWS) > share, None)

    frame = pd.DataFrame(
        {
            "id": [f"f{row}" for row in range(ROWS)],
            "seats": some(100 + 30 * seats, 0.1),
            "distance": some(rng.integers(100, 900, ROWS), 0.1),
            "carrier": some(rng.choice(["AA", "BB", "CC"], ROWS), 0.1),
            "photo": some([f"{row}.png" for row in range(ROWS)], 0.1),
            "title": some([f"{['calm', 'stormy'][int(w > 0)]} flight" for w in wind], 0.2),
            "status": some(np.array(["on time", "late", "gone"])[status], 0.3),
            "delay": some(10 + 5 * seats + 3 * wind, 0.2),
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
class Trained:
    where: Path
    frame: pd.DataFrame
    run: mlflow.entities.Run
    stderr: str

    def artifact(self, path: str) -> Path:
        return Path(client(self.where).download_artifacts(self.run.info.run_id, path))


def client(where: Path) -> MlflowClient:
    mlflow.set_tracking_uri(uri := f"sqlite:///{where}/mlruns/mlflow.db")
    return MlflowClient(uri)


@pytest.fixture(scope="module", params=["true", "false"], ids=["in memory", "streamed"])
def trained(request, tmp_path_factory) -> Trained:
    folder = tmp_path_factory.mktemp("own")
    frame = write_data(folder / "mine")
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "mine.yaml").write_text(MINE)
    where = folder / "work"
    where.mkdir()
    command = [sys.executable, "-m", "pipeline.train", "--config-dir", str(folder / "conf"), "data=mine"]
    command += ["branches=auto", "heads=auto", f"data.in_memory={request.param}"]
    command += ["trainer.epochs=15", "trainer.early_stopping=null", "optimizer.learning_rate=0.005"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = client(where)
    runs = found.search_runs([one.experiment_id for one in found.search_experiments()])
    return Trained(where, frame, runs[0], done.stderr)


def test_it_learns_what_is_there_to_learn(trained):
    metrics = trained.run.data.metrics
    assert metrics["test/status_accuracy"] > 0.85  # a tenth of the photos is missing
    assert metrics["test/delay_skill"] > 0.5
    assert trained.stderr == ""
    assert [path.name for path in trained.where.iterdir()] == ["mlruns"]


def test_the_summary_counts_labelled_rows(trained):
    table = pd.read_csv(trained.artifact("data/summary.csv"))
    for name in ("status", "delay"):
        mine = table[table["target"] == name]
        assert mine["rows"].sum() == ROWS
        assert mine["labelled"].sum() == trained.frame[name].notna().sum()
    assert json.loads(trained.artifact("data/leaks.json").read_text()) == []


def raw_rows(frame: pd.DataFrame, folder: Path) -> dict[str, np.ndarray]:
    """What the logged model takes, from the files: arrays with NaN, strings with "" for what is missing."""
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


def predicted(trained: Trained, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    np.savez(trained.where.parent / "rows.npz", **rows)
    model = f"runs:/{trained.run.info.run_id}/model"
    arguments = [sys.executable, "-c", PREDICT, model, str(trained.where.parent / "rows.npz")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{trained.where}/mlruns/mlflow.db"}
    done = subprocess.run(
        arguments, cwd=trained.where.parent, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return {name: np.array(values) for name, values in json.loads(done.stdout.splitlines()[-1]).items()}


def test_raw_rows_are_predicted_without_the_package_as_they_were_in_the_run(trained):
    due = pd.read_parquet(trained.artifact("predictions/test.parquet"))
    frame = trained.frame.iloc[due["row"]]
    nothing = frame.iloc[:2].assign(seats=None, distance=None, carrier=None, photo=None, title=None, length=0)
    found = predicted(trained, raw_rows(pd.concat([frame, nothing]), trained.where.parent / "mine"))
    names = json.loads(trained.artifact("config/labels.json").read_text())["status"]
    assert [names[code] for code in found["status"].argmax(axis=1)[:-2]] == due["status_predicted"].tolist()
    np.testing.assert_allclose(found["delay"][:-2, 0], due["delay_predicted"], rtol=1e-3, atol=1e-3)
    # Rows of nothing but gaps get an answer too.
    assert np.isfinite(found["delay"]).all()
    np.testing.assert_allclose(found["status"].sum(axis=1), 1, atol=1e-5)


def test_it_is_evaluated_again_without_a_word_of_where_its_files_are(trained):
    command = [sys.executable, "-m", "pipeline.evaluate", "run=latest", "split=test", "resamples=20"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(command, cwd=trained.where, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    metrics = client(trained.where).get_run(trained.run.info.run_id).data.metrics
    for name in ("status_accuracy", "delay_mae"):
        assert metrics[f"eval_test/{name}"] == pytest.approx(metrics[f"test/{name}"], rel=1e-4)
