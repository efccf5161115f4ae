"""The whole job, run as people run it: `python -m pipeline.train`, then MLflow read back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from mlflow.tracking import MlflowClient

SMALL = [
    "data=planted",
    "branches=image_series",
    "heads=planted",
    "branches.image.filters=[8]",
    "branches.series.filters=[16]",
    "optimizer.learning_rate=0.01",
    "trainer.epochs=12",
    "trainer.early_stopping.patience=12",
    "fusion.dropout=0",
]


def command(folder: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.train", "--config-dir", str(folder), *SMALL, *overrides]


def environment() -> dict[str, str]:
    """Without the store that a test before looked into, which MLflow puts here."""
    return {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}


def call(where: Path, folder: Path, *overrides: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(folder, *overrides), cwd=where, capture_output=True, text=True, env=environment()
    )


def client(where: Path) -> MlflowClient:
    uri = f"sqlite:///{where}/mlruns/mlflow.db"
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def all_runs(where: Path) -> list:
    found = client(where)
    return found.search_runs(
        [e.experiment_id for e in found.search_experiments()], order_by=["attributes.start_time"]
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, planted_folder):
    """Three comparable runs of one sweep: class weights 0.5, 1 and 2."""
    where = tmp_path_factory.mktemp("trained")
    done = call(where, planted_folder, "-m", "loss_weights.place=0.5,1,2")
    assert done.returncode == 0, done.stderr
    return where, done, [run for run in all_runs(where) if "mlflow.parentRunId" in run.data.tags]


def history(where, run, name):
    return [metric.value for metric in client(where).get_metric_history(run.info.run_id, name)]


def artifact(where, run, path):
    return Path(client(where).download_artifacts(run.info.run_id, path))


def test_planted_signals_are_learned_by_the_heads_that_can_see_them(trained):
    metrics = trained[2][1].data.metrics
    assert metrics["test/place_accuracy"] > 0.97
    assert metrics["test/slope_skill"] > 0.9
    assert metrics["test/both_accuracy"] > 0.85


def test_the_combined_loss_is_the_weighted_sum_in_every_epoch_and_split(trained):
    where, _, runs = trained
    for run, weight in zip(runs, (0.5, 1.0, 2.0), strict=True):
        assert float(run.data.params["loss_weights.place"]) == weight
        for split in ("train", "val"):
            parts = {
                h: np.array(history(where, run, f"{split}/{h}_loss")) for h in ("place", "slope", "both")
            }
            combined = weight * parts["place"] + parts["slope"] + parts["both"]
            np.testing.assert_allclose(history(where, run, f"{split}/loss"), combined, atol=1e-5)
            np.testing.assert_allclose(
                history(where, run, f"{split}/loss_unweighted"), sum(parts.values()), atol=1e-5
            )
        assert history(where, run, "weight/place") == [weight] * 12


def test_every_metric_of_the_contract_is_there_at_every_epoch(trained):
    where, _, runs = trained
    words = {
        "place": ["accuracy", "f1", "auc"],
        "slope": ["mae", "rmse", "r2"],
        "both": ["accuracy", "f1", "auc"],
    }
    names = ["time/epoch_s", "time/examples_per_s", "val/skill"]
    for head, metrics in words.items():
        names += [f"{split}/{head}_{word}" for split in ("train", "val") for word in ["loss", *metrics]]
        names += [f"val/{head}_skill", f"weight/{head}", f"share/{head}"]
    for name in names:
        steps = [metric.step for metric in client(where).get_metric_history(runs[1].info.run_id, name)]
        assert steps == list(range(1, 13)), name
    assert sum(runs[1].data.metrics[f"share/{head}"] for head in words) == pytest.approx(1)


def test_insight_says_which_branch_each_head_needs(trained):
    where, done, runs = trained
    metrics = runs[1].data.metrics
    assert metrics["contribution/image_to_place"] > 50
    assert abs(metrics["contribution/series_to_place"]) < 10
    assert metrics["contribution/series_to_slope"] > 50
    names = ["flow/place_to_image", "flow/image_from_place", "flow/update_head_both", "flow/cos_place_slope"]
    for name in names:
        steps = [metric.step for metric in client(where).get_metric_history(runs[1].info.run_id, name)]
        assert steps == list(range(1, 13)), name
    assert "image contributes, in points of skill: " in done.stdout
    page = artifact(where, runs[1], "report/report.html").read_text()
    assert "image contributes, in points of skill: " in page
    for file in (
        "figures/flow.png",
        "figures/contribution.png",
        "tables/contribution.csv",
        "tables/flow.csv",
    ):
        assert artifact(where, runs[1], f"report/{file}").is_file()


def test_without_insight_the_training_has_the_same_numbers(trained, planted_folder, tmp_path):
    where, _, runs = trained
    done = call(tmp_path, planted_folder, "insight=off")
    assert done.returncode == 0, done.stderr
    run = all_runs(tmp_path)[0]
    for name in ("train/loss", "val/loss", "val/both_auc"):
        assert history(tmp_path, run, name) == history(where, runs[1], name)
    assert not [name for name in run.data.metrics if name.startswith(("flow/", "contribution/"))]
    assert "points" not in done.stdout


def test_best_values_are_those_of_the_kept_epoch(trained):
    where, _, runs = trained
    for run in runs:
        losses = history(where, run, "val/loss")
        best = int(run.data.metrics["best/epoch"])
        assert losses[best - 1] == min(losses)
        assert run.data.metrics["best/val_place_auc"] == history(where, run, "val/place_auc")[best - 1]


def test_runs_are_named_by_what_varies_and_carry_choices_and_leaves(trained):
    _, _, runs = trained
    assert [run.info.run_name.split()[-1] for run in runs] == ["place=0.5", "place=1", "place=2"] or all(
        "place=" in run.info.run_name for run in runs
    )
    params = runs[0].data.params
    assert params["optimizer"] == "adam"
    assert params["branches.image"] == "conv2d"
    assert params["optimizer.learning_rate"] == "0.01"
    assert params["branches.image.filters"] == "[8]"
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert runs[0].data.tags["pipeline.version"]
    assert runs[0].inputs.dataset_inputs[0].dataset.name == "planted"
    assert runs[0].outputs.model_outputs


def test_the_table_at_the_end_tells_each_head_and_where_to_look(trained):
    _, done, runs = trained
    assert done.stdout.count("constant's") == 3
    assert runs[0].info.run_id in done.stdout
    assert "mlflow ui --backend-store-uri sqlite:///" in done.stdout
    # Not a terminal: no progress, no warnings; only the sweep's own list of jobs.
    assert [line for line in done.stderr.splitlines() if not line.startswith(("Launching", "\t#"))] == []


def test_a_run_leaves_nothing_outside_mlruns(trained):
    assert [path.name for path in trained[0].iterdir()] == ["mlruns"]


def test_artifacts_are_those_of_the_contract(trained):
    where, _, runs = trained
    split = json.loads(artifact(where, runs[0], "config/split.json").read_text())
    assert split["rows"] == {"train": 400, "val": 200, "test": 200}
    assert len(split["fingerprint"]) == 64
    labels = json.loads(artifact(where, runs[0], "config/labels.json").read_text())
    assert labels["place"] == ["up", "down"]
    assert "place: 0.5" in artifact(where, runs[0], "config/config.yaml").read_text()
    assert "tensorflow==" in artifact(where, runs[0], "environment/requirements.txt").read_text()
    page = artifact(where, runs[0], "report/report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert len(list(artifact(where, runs[0], "report/figures").iterdir())) > 8


def test_logged_numbers_can_be_computed_again_from_the_predictions(trained):
    where, _, runs = trained
    frame = pd.read_parquet(artifact(where, runs[2], "predictions/val.parquet"))
    metrics = runs[2].data.metrics
    assert len(frame) == 200
    assert (frame.place_label == frame.place_predicted).mean() == pytest.approx(
        metrics["best/val_place_accuracy"]
    )
    assert frame.place_loss.mean() == pytest.approx(metrics["best/val_place_loss"], abs=1e-5)
    assert (frame.slope_label - frame.slope_predicted).abs().mean() == pytest.approx(
        metrics["best/val_slope_mae"], rel=1e-5
    )
    assert frame.place_label.isin(["up", "down"]).all()


def test_the_logged_model_gives_the_logged_numbers_in_a_bare_process(trained, planted_folder, tmp_path):
    where, _, runs = trained
    code = f"""
import sys, json, warnings, mlflow, numpy as np
mlflow.set_tracking_uri("sqlite:///{where}/mlruns/mlflow.db")
model = mlflow.pyfunc.load_model("runs:/{runs[2].info.run_id}/model")
raw = np.load({str(planted_folder / "planted.npz")!r})
rows = raw["split"] == 1
series = raw["series"][rows]
series[np.arange(12) >= raw["length"][rows][:, None]] = np.nan
out = model.predict({{"image": raw["image"][rows], "series": series}})
assert "pipeline" not in sys.modules
place, slope = raw["place"][rows], raw["slope"][rows]
spread = raw["slope"][raw["split"] == 0].std()
print(json.dumps({{
    "accuracy": float(np.mean(out["place"].argmax(1) == place)),
    "loss": float(-np.log(out["place"][np.arange(len(place)), place]).mean()),
    "slope": float(np.mean(((out["slope"][:, 0] - slope) / spread) ** 2)),
}}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    metrics = runs[2].data.metrics
    assert found["accuracy"] == pytest.approx(metrics["best/val_place_accuracy"], abs=1e-4)
    assert found["loss"] == pytest.approx(metrics["best/val_place_loss"], abs=1e-4)
    assert found["slope"] == pytest.approx(metrics["best/val_slope_loss"], abs=1e-4)


def test_the_same_seed_gives_the_same_run(trained, planted_folder, tmp_path):
    where, _, runs = trained
    done = call(tmp_path, planted_folder, "loss_weights.place=2")
    assert done.returncode == 0, done.stderr
    again = all_runs(tmp_path)[0]
    for name in ("train/loss", "val/loss", "val/both_auc"):
        assert history(tmp_path, again, name) == history(where, runs[2], name)


def test_a_wrong_column_ends_with_code_2_and_no_run(planted_folder, tmp_path):
    done = call(tmp_path, planted_folder, "data.targets.slope.column=planted.slop")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "data.targets.slope.column" in done.stderr
    assert "nearest: planted.slope" in done.stderr or "slope" in done.stderr.split("allowed")[1]
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


def test_a_run_that_fails_is_failed_and_keeps_its_traceback(planted_folder, tmp_path):
    done = call(
        tmp_path, planted_folder, "optimizer=sgd", "optimizer.learning_rate=1e30", "schedule=constant"
    )
    assert done.returncode == 1
    run = all_runs(tmp_path)[0]
    assert run.info.status == "FAILED"
    assert "NotFiniteError" in artifact(tmp_path, run, "traceback.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_ended_by_a_signal_is_killed_not_running(planted_folder, tmp_path, number, code):
    long = command(planted_folder, "trainer.epochs=100000", "trainer.early_stopping=null")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(long, cwd=tmp_path, env=environment(), **pipes)
    try:
        until = time.monotonic() + 400  # a busy machine takes minutes to start it
        while time.monotonic() < until and process.poll() is None:
            time.sleep(0.5)
            if (tmp_path / "mlruns" / "mlflow.db").exists():
                # The program holds this lock while it makes the database.
                with FileLock(tmp_path / "mlruns" / "mlflow.db.lock"):
                    found = all_runs(tmp_path)
                if any("train/loss" in run.data.metrics for run in found):
                    break
        process.send_signal(number)
        assert process.wait(60) == code
    finally:
        process.kill()
        process.communicate()
    assert all_runs(tmp_path)[0].info.status == "KILLED"
