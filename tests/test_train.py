"""The whole job, run as people run it: `python -m pipeline.train`, then MLflow read back."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from tests import interrupt, processes
from tests.stores import all_runs, artifact, history, steps
from tests.verbs import call, without_report

SMALL = [
    "data=planted",
    "branches=image_series",
    "heads=planted",
    "branches.image.filters=[8]",
    "branches.series.filters=[16]",
    "optimizer.learning_rate=0.01",
    "schedule=constant",
    "trainer.epochs=12",
    "trainer.early_stopping.patience=12",
    "fusion.dropout=0",
]
HEADS = ("place", "slope", "both")
SHORT = ["trainer.epochs=2", "tracking.log_model=false"]


@pytest.fixture(scope="module")
def trained(make_once, planted_folder):
    """Two runs that differ in the weight of `place`, 1 and 2, the second without insight and report.

    Returns:
        Their folder, what the first one printed, the runs.
    """

    def train(folder: Path) -> None:
        where = folder / "where"
        where.mkdir()
        words = ["--config-dir", planted_folder, *SMALL]
        first = call("train", *words, "loss_weights.place=1", where=where)
        with without_report():
            second = call("train", *words, "insight=off", "loss_weights.place=2", where=where)
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        (folder / "stdout").write_text(first.stdout)

    folder = make_once("trained", train)
    return folder / "where", (folder / "stdout").read_text(), all_runs(folder / "where")


@pytest.fixture
def train(planted_folder, folder_with_store) -> Callable:
    """Train one model where there are no runs yet; returns how the command ended, and the runs."""

    def result(*overrides: str):
        words = ["--config-dir", planted_folder, *SMALL, *overrides]
        done = call("train", *words, where=folder_with_store)
        return done, all_runs(folder_with_store)

    return result


def test_planted_signals_are_learned_by_the_heads_that_can_see_them(trained):
    metrics = trained[2][0].data.metrics
    assert metrics["test/place_accuracy"] > 0.97
    assert metrics["test/slope_skill"] > 0.9
    assert metrics["test/both_accuracy"] > 0.85


def test_the_combined_loss_is_the_weighted_sum_in_every_epoch_and_split(trained):
    where, _, runs = trained
    for run, weight in zip(runs, (1.0, 2.0), strict=True):
        assert float(run.data.params["loss_weights.place"]) == weight
        for split in ("train", "val"):
            parts = {h: np.array(history(where, run, f"{split}/{h}_loss")) for h in HEADS}
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
        assert steps(where, runs[0], name) == list(range(1, 13)), name
    assert sum(runs[0].data.metrics[f"share/{head}"] for head in words) == pytest.approx(1)


def test_insight_says_which_branch_each_head_needs(trained):
    where, stdout, runs = trained
    metrics = runs[0].data.metrics
    assert metrics["contribution/image_to_place"] > 50
    assert abs(metrics["contribution/series_to_place"]) < 10
    assert metrics["contribution/series_to_slope"] > 50
    flow = {name for name in metrics if name.startswith("flow/")}
    pairs = {"place_slope", "place_both", "slope_both"}
    sent = {f"flow/{head}_to_{branch}" for head in HEADS for branch in ("image", "series")}
    assert flow == sent | {f"flow/cos_{pair}" for pair in pairs}
    for name in flow:
        assert steps(where, runs[0], name) == list(range(1, 13)), name
    assert "image contributes, in points of skill: " in stdout
    page = artifact(where, runs[0], "report/report.html").read_text()
    assert "image contributes, in points of skill: " in page
    for file in (
        "figures/flow.png",
        "figures/contribution.png",
        "tables/contribution.csv",
        "tables/flow.csv",
    ):
        assert artifact(where, runs[0], f"report/{file}").is_file()


@pytest.mark.slow
def test_without_insight_the_training_has_the_same_numbers(trained, train, tmp_path, no_report):
    where, _, runs = trained
    done, (run,) = train("insight=off", *SHORT)
    assert done.returncode == 0, done.stderr
    for name in ("train/loss", "val/loss", "val/both_auc"):
        assert history(tmp_path, run, name) == history(where, runs[0], name)[:2]
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
    assert [run.info.run_name.split()[-1] for run in runs] == ["place=1", "place=2"]
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
    _, stdout, runs = trained
    assert [line.split()[0] for line in stdout.splitlines()[:4]] == ["head", *HEADS]
    assert runs[0].info.run_id in stdout
    assert "look: python -m pipeline.ui" in stdout


def test_a_wrong_key_ends_with_code_2_before_anything_heavy_is_imported(tmp_path):
    done, heavy = processes.heavy_imports("train", "optimizer=adm", where=tmp_path)
    assert (done.returncode, heavy) == (2, set())
    assert done.stderr.startswith("optimizer: there is no such option")


@pytest.mark.slow
def test_a_process_that_trains_writes_its_table_to_stdout_and_its_progress_to_stderr(folder_with_store):
    words = ["experiment=penguins", "trainer=quick", "tracking.log_model=false", "insight=off"]
    done = processes.run_verb("train", *words, where=folder_with_store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("head")
    importing, *others = processes.without_slow_phases(done.stderr)
    assert importing == "importing TensorFlow …"
    assert others[0].startswith("run ")
    run_id = others[0].split()[1]
    assert others[1] == f"after an interruption: python -m pipeline.train resume={run_id[:8]}"
    assert others[2].split()[:2] == ["epoch", "loss"]
    assert others[-1].split()[0] == "3/3"
    log = next((folder_with_store / "mlruns" / "hydra").glob("*/train.log")).read_text()
    assert all(f"{epoch}/3" in log for epoch in (1, 2, 3))
    assert "took" in done.stdout


def test_a_run_leaves_nothing_outside_mlruns(trained):
    assert [path.name for path in trained[0].iterdir()] == ["mlruns"]


def test_artifacts_are_those_of_the_contract(trained):
    where, _, runs = trained
    split = json.loads(artifact(where, runs[0], "config/split.json").read_text())
    assert split["rows"] == {"train": 400, "val": 200, "test": 200}
    assert len(split["fingerprint"]) == 64
    labels = json.loads(artifact(where, runs[0], "config/labels.json").read_text())
    assert labels["place"] == ["up", "down"]
    assert "place: 1" in artifact(where, runs[0], "config/config.yaml").read_text()
    assert "tensorflow==" in artifact(where, runs[0], "environment/requirements.txt").read_text()
    page = artifact(where, runs[0], "report/report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert len(list(artifact(where, runs[0], "report/figures").iterdir())) > 8


def test_logged_numbers_can_be_computed_again_from_the_predictions(trained):
    where, _, runs = trained
    frame = pd.read_parquet(artifact(where, runs[1], "predictions/val.parquet"))
    metrics = runs[1].data.metrics
    assert len(frame) == 200
    assert (frame.place_label == frame.place_predicted).mean() == pytest.approx(
        metrics["best/val_place_accuracy"]
    )
    assert frame.place_loss.mean() == pytest.approx(metrics["best/val_place_loss"], abs=1e-5)
    assert (frame.slope_label - frame.slope_predicted).abs().mean() == pytest.approx(
        metrics["best/val_slope_mae"], rel=1e-5
    )
    assert frame.place_label.isin(["up", "down"]).all()


# Runs where the model is loaded: there it prints its numbers.
MEASURE = """
import json, sys
import mlflow, numpy as np
store, run_id, data = sys.argv[1:]
mlflow.set_tracking_uri(store)
model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
with np.load(data) as file:
    raw = dict(file)
rows = raw["split"] == 1
series = raw["series"][rows]
series[np.arange(12) >= raw["length"][rows][:, None]] = np.nan
out = model.predict({"image": raw["image"][rows], "series": series})
place, slope = raw["place"][rows], raw["slope"][rows]
spread = raw["slope"][raw["split"] == 0].std()
print(json.dumps({
    "accuracy": float(np.mean(out["place"].argmax(1) == place)),
    "loss": float(-np.log(out["place"][np.arange(len(place)), place]).mean()),
    "slope": float(np.mean(((out["slope"][:, 0] - slope) / spread) ** 2)),
}))
"""
BARE = 'assert "pipeline" not in sys.modules'


@pytest.mark.parametrize("bare", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_logged_model_gives_the_logged_numbers(
    trained, planted_folder, tmp_path, monkeypatch, capsys, bare
):
    where, _, runs = trained
    words = [f"sqlite:///{where}/mlruns/mlflow.db", runs[1].info.run_id, str(planted_folder / "planted.npz")]
    if bare:
        done = processes.python(MEASURE + BARE, *words, where=tmp_path)
        assert done.returncode == 0, done.stderr
        printed = done.stdout
    else:
        monkeypatch.setattr("sys.argv", ["-c", *words])
        exec(MEASURE, {})
        printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    metrics = runs[1].data.metrics
    assert found["accuracy"] == pytest.approx(metrics["best/val_place_accuracy"], abs=1e-4)
    assert found["loss"] == pytest.approx(metrics["best/val_place_loss"], abs=1e-4)
    assert found["slope"] == pytest.approx(metrics["best/val_slope_loss"], abs=1e-4)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(trained, train, tmp_path, no_report):
    where, _, runs = trained
    done, (again,) = train("loss_weights.place=2", *SHORT)
    assert done.returncode == 0, done.stderr
    for name in ("train/loss", "val/loss", "val/both_auc"):
        assert history(tmp_path, again, name) == history(where, runs[1], name)[:2]


def test_a_wrong_column_ends_with_code_2_and_no_run(planted_folder, tmp_path):
    words = ["--config-dir", planted_folder, *SMALL, "data.targets.slope.column=planted.slop"]
    done = call("train", *words, where=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "data.targets.slope.column" in done.stderr
    assert "nearest: planted.slope" in done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


def test_a_run_that_fails_is_failed_and_keeps_its_traceback(train, tmp_path):
    done, (run,) = train("optimizer=sgd", "optimizer.learning_rate=1e30", "insight=off")
    assert done.returncode == 2
    assert run.info.status == "FAILED"
    assert "Traceback" not in done.stderr
    assert "NotFiniteError" in artifact(tmp_path, run, "traceback.txt").read_text()


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGINT, signal.SIGHUP))],
)
def test_a_signal_in_the_middle_of_a_training_leaves_a_killed_run(train, number):
    done, (run,) = train("insight=off", *interrupt.overrides(number))
    assert done.returncode == 128 + number
    assert run.info.status == "KILLED"
    name, run_id = signal.Signals(number).name, run.info.run_id[:8]
    assert done.stderr.endswith(
        f"interrupted ({name})\nto go on with run {run_id}: python -m pipeline.train resume={run_id}\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_process_that_is_ended_by_a_signal_leaves_a_killed_run(planted_folder, tmp_path, number, code):
    words = ["--config-dir", planted_folder, *SMALL, "trainer.epochs=100000", "trainer.early_stopping=null"]
    process = processes.start(processes.command("train", *words), tmp_path)
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
