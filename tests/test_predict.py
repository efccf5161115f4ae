"""`python -m pipeline.predict`: rows in, answers out, with a run's logged model."""

import json
from pathlib import Path
from unittest import mock

import mlflow
import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

from pipeline import predict
from pipeline.config import CONF
from pipeline.errors import ConfigError
from pipeline.tracking import StoredRun
from tests import processes
from tests.prediction import DEFAULTS, PENGUINS
from tests.verbs import call


def run(output, **config):
    """What the command does, in this process: the predictions and the number of rejected rows."""
    given = {**DEFAULTS, **{name: str(v) if name == "input" else v for name, v in config.items()}}
    _, rejected = predict.run({**given, "output": str(output)}, [])
    return pd.read_parquet(output), rejected


def logged(run_id):
    return pd.read_parquet(
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="predictions/test.parquet")
    )


def test_the_rows_of_training_get_the_predictions_that_were_logged(recorded, planted_folder, tmp_path):
    found, rejected = run(tmp_path / "o.parquet", run=recorded.planted, input=planted_folder / "planted.npz")
    due = logged(recorded.planted)
    assert (rejected, found.row.tolist()) == (0, list(range(800)))
    mine = found.loc[due.row]
    for head in ("place", "both"):
        assert mine[f"{head}_predicted"].tolist() == due[f"{head}_predicted"].tolist()
        for word in ("probability", "probabilities"):
            np.testing.assert_allclose(
                np.stack(mine[f"{head}_{word}"]), np.stack(due[f"{head}_{word}"]), atol=1e-6
            )
        assert list(map(list, mine[f"{head}_set"])) == list(map(list, due[f"{head}_set"]))
    for word in ("predicted", "low", "high"):
        np.testing.assert_allclose(mine[f"slope_{word}"], due[f"slope_{word}"], rtol=1e-5)


def test_sets_and_intervals_hold_the_truth_as_often_as_logged_and_grow_with_the_level(
    recorded, planted_folder, tmp_path
):
    metrics = mlflow.get_run(recorded.planted).data.metrics
    due = logged(recorded.planted)
    inside = (due.slope_low <= due.slope_label) & (due.slope_label <= due.slope_high)
    assert metrics["test/slope_coverage"] == pytest.approx(inside.mean())
    width = (due.slope_high - due.slope_low).mean()
    assert metrics["test/slope_interval_width"] == pytest.approx(width, rel=1e-5)
    held = [label in possible for label, possible in zip(due.both_label, due.both_set, strict=True)]
    assert metrics["test/both_coverage"] == pytest.approx(np.mean(held))
    assert metrics["test/both_set_size"] == pytest.approx(due.both_set.map(len).mean())
    assert all(guess in possible for guess, possible in zip(due.both_predicted, due.both_set, strict=True))
    options = {"run": recorded.planted, "input": planted_folder / "planted.npz"}
    low = run(tmp_path / "low.parquet", **options, level=0.5)[0].loc[due.row]
    assert (low.slope_high - low.slope_low).mean() < width
    assert low.both_set.map(len).mean() <= due.both_set.map(len).mean()


def test_a_level_that_the_calibration_rows_cannot_give_is_refused(recorded, planted_folder, tmp_path):
    with pytest.raises(
        ConfigError, match=r"level: this level needs 999 (.|\n)*100 rows(.|\n)*at most 0\.99$"
    ):
        run(tmp_path / "o.parquet", run=recorded.planted, input=planted_folder / "planted.npz", level=0.999)
    with pytest.raises(
        ConfigError, match=r"level: this run has no sets and(.|\n)*conformal\.calibration=0\.5"
    ):
        run(tmp_path / "o.parquet", run=recorded.penguins, input=PENGUINS, level=0.8)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv.gz", "rows.parquet"])
def test_raw_rows_without_labels_are_predicted_from_any_format(recorded, tmp_path, name):
    frame = pd.read_csv(PENGUINS).drop(columns=["species", "body_mass_g"])
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(
        path, index=False, sep="\t" if "tsv" in name else ","
    )
    found, rejected = run(tmp_path / "o.parquet", run=recorded.penguins, input=path)
    due = logged(recorded.penguins)
    assert (rejected, len(found)) == (0, 344)
    np.testing.assert_allclose(found.body_mass_predicted[due.row], due.body_mass_predicted, rtol=1e-6)


def test_json_is_predicted_like_csv_and_a_file_may_have_options(recorded, tmp_path):
    frame = pd.read_csv(PENGUINS, keep_default_na=False, dtype=str).drop(columns=["species", "body_mass_g"])
    frame.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    frame.to_csv(tmp_path / "rows.csv", index=False, sep="^")
    found, rejected = run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.jsonl")
    due = logged(recorded.penguins)
    assert rejected == 0
    np.testing.assert_allclose(found.body_mass_predicted[due.row], due.body_mass_predicted, rtol=1e-6)
    options = f"{{penguins: {{path: {tmp_path}/rows.csv, separator: '^'}}}}"
    words = [f"run={recorded.penguins}", f"input={options}", f"output={tmp_path}/p.parquet"]
    assert call("predict", *words, where=recorded.folder).returncode == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "p.parquet"), found)


def test_rows_with_missing_cells_and_unseen_categories_are_predicted(recorded, tmp_path):
    frame = pd.read_csv(PENGUINS).head(3).assign(island=["Atlantis", None, "Dream"], sex=None)
    frame.loc[2, "bill_length_mm"] = np.nan
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found, rejected = run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv")
    assert rejected == 0
    assert np.isfinite(found.body_mass_predicted).all()


def test_rows_at_fault_keep_their_place_empty_and_are_listed_with_the_reason(recorded, tmp_path):
    lines = PENGUINS.read_text().splitlines()
    lines[3] = lines[3].replace("40.3", "forty")
    lines[6] = "a,b"
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    found, rejected = run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv")
    right, _ = run(tmp_path / "right.parquet", run=recorded.penguins, input=PENGUINS)
    assert rejected == 2
    assert found.index[found.species_predicted.isna()].tolist() == [2, 5]
    kept = found.index.difference([2, 5])
    np.testing.assert_allclose(found.body_mass_predicted[kept], right.body_mass_predicted[kept], rtol=1e-6)
    listed = pd.read_csv(tmp_path / "o.rejected.csv", keep_default_na=False)
    assert listed.row.tolist() == [2, 5]
    assert listed.column.tolist() == ["penguins.bill_length_mm", ""]
    assert "found: 'forty'" in listed.reason[0]
    assert not (tmp_path / "right.rejected.csv").exists()


def test_all_rows_at_fault_still_give_a_table(recorded, tmp_path):
    lines = PENGUINS.read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([lines[0], "a,b"]))
    found, rejected = run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv")
    assert (rejected, len(found)) == (1, 1)
    assert found.body_mass_predicted.dtype == np.float32


def test_an_input_that_the_rows_lack_is_done_without(recorded, planted_folder, tmp_path):
    images = np.load(planted_folder / "planted.npz")["image"][:6, ..., 0]
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number}.png")
    (tmp_path / "pictures" / "x.png").write_bytes(b"broken")
    config = {"run": recorded.planted, "input": tmp_path / "pictures", "missing": ["series"]}
    found, rejected = run(tmp_path / "o.parquet", **config)
    whole, _ = run(tmp_path / "w.parquet", run=recorded.planted, input=planted_folder / "planted.npz")
    assert rejected == 1
    assert found.file.tolist() == [f"{number}.png" for number in range(6)] + ["x.png"]
    assert found.slope_predicted[:6].nunique() < 7
    assert not np.allclose(found.slope_predicted[:6], whole.slope_predicted[:6])


def test_images_that_training_always_had_may_be_lacking(recorded, planted_folder, tmp_path):
    config = {"run": recorded.planted, "input": planted_folder / "planted.npz"}
    found, rejected = run(tmp_path / "o.parquet", missing=["image"], **config)
    whole, _ = run(tmp_path / "w.parquet", **config)
    assert rejected == 0
    # What only the image shows is the same for all rows now, what only the series shows is hardly touched.
    assert len(found.place_predicted.unique()) == 1
    assert np.corrcoef(found.slope_predicted, whole.slope_predicted)[0, 1] > 0.9


def test_a_key_column_goes_along(recorded, tmp_path):
    found, _ = run(tmp_path / "o.parquet", run=recorded.penguins, input=PENGUINS, key="island")
    assert found.columns[:2].tolist() == ["row", "island"]
    assert found.island.tolist() == pd.read_csv(PENGUINS).island.tolist()


def test_a_failing_call_leaves_no_half_written_table(recorded, tmp_path):
    frame = pd.read_csv(PENGUINS)
    frame.to_csv(tmp_path / "rows.csv.gz", index=False)
    cut = (tmp_path / "rows.csv.gz").read_bytes()[:2000]
    (tmp_path / "rows.csv.gz").write_bytes(cut)
    with pytest.raises(ConfigError, match="truncated, damaged"):
        run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv.gz"]


def test_exit_codes_tell_whether_all_rows_some_or_none_were_predicted(recorded, tmp_path):
    words = [f"run={recorded.penguins[:6]}", f"output={tmp_path}/o.parquet"]
    done = call("predict", *words, f"input={PENGUINS}", where=recorded.folder)
    assert (done.returncode, done.stderr) == (0, f"run {recorded.penguins} (penguins)\n")
    assert "344 rows ->" in done.stdout
    (tmp_path / "bad.csv").write_text(PENGUINS.read_text().replace("39.1", "x"))
    done = call("predict", *words, f"input={tmp_path}/bad.csv", where=recorded.folder)
    assert done.returncode == 3
    assert "1 row could not be read; it is listed in " in done.stderr
    done = call("predict", *words, f"input={tmp_path}/none.csv", where=recorded.folder)
    assert done.returncode == 2
    assert "none.csv" in done.stderr


@pytest.mark.slow
def test_a_process_that_predicts_writes_nothing_to_stderr(recorded, tmp_path):
    words = [f"run={recorded.penguins}", f"input={PENGUINS}", f"output={tmp_path}/o.parquet"]
    done = processes.run_verb("predict", *words, where=recorded.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "344 rows ->" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run=a", "input=x.csv"], ["output: this value is required"]),
        (["inptu=x.csv"], ["inptu", "Did you mean: 'input'?"]),
        (["+keys=x", "run=a", "output=b", "input=c"], ["keys: there is no such key", "nearest: key"]),
        (["run=a", "input=.", "output=o.csv"], ["output: must be a .parquet file"]),
        (["run=a", "input=.", "output=o.parquet", "missing=x"], ["missing: this value is not allowed"]),
        (
            ["run=a", "input={s: {path: x.csv, encodin: utf-16}}", "output=o.parquet"],
            ["input.s.encodin: there is no such key", "nearest: encoding"],
        ),
        (
            ["run=a", "input={s: {file: x.csv}}", "output=o.parquet"],
            ["input: this is no file", "{path: file"],
        ),
    ],
)
def test_wrong_keys_end_with_code_2_and_a_message(tmp_path, arguments, words):
    done = call("predict", *arguments, where=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["run=a", "input=.", "output=o.csv"], 2), (["--help"], 0)], ids=["wrong", "help"]
)
def test_messages_and_help_come_before_anything_heavy_is_imported(tmp_path, arguments, code):
    done, heavy = processes.heavy_imports("predict", *arguments, where=tmp_path)
    assert (done.returncode, heavy) == (code, set())


def test_help_names_every_key():
    text = (CONF / "hydra" / "help" / "predict.yaml").read_text()
    for key in set(OmegaConf.load(CONF / "predict.yaml")) - {
        "defaults",
        "hydra",
        "tracking",
        "trusted_modules",
    }:
        assert f"\n  {key} " in text


@pytest.mark.parametrize("output", ["rows.parquet", "./rows.parquet", "link.parquet"])
def test_the_input_is_never_overwritten(output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.parquet").write_bytes(b"rows")
    (tmp_path / "link.parquet").symlink_to("rows.parquet")
    config = OmegaConf.create({"run": "a", "input": "rows.parquet", **DEFAULTS, "trusted_modules": []})
    with pytest.raises(ConfigError, match="would overwrite the input"):
        predict.check(OmegaConf.merge(config, {"output": output}))
    predict.check(OmegaConf.merge(config, {"output": "other.parquet"}))
    (tmp_path / "a.rejected.csv").write_text("rows")
    with pytest.raises(ConfigError, match="would overwrite the input"):
        predict.check(OmegaConf.merge(config, {"input": "a.rejected.csv", "output": "a.parquet"}))


@pytest.mark.parametrize("name", ["o.parquet", "o.rejected.csv"])
def test_a_file_that_no_prediction_wrote_is_not_overwritten(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet("rows.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(name) if name == "o.parquet" else (tmp_path / name).write_text("a\n1")
    config = {"run": "a", "input": "rows.parquet", **DEFAULTS, "trusted_modules": [], "output": "o.parquet"}
    with pytest.raises(ConfigError, match=f"(?s)an earlier prediction did not write it.*{name}"):
        predict.check(OmegaConf.create(config))


def test_predicting_again_replaces_the_earlier_predictions(recorded, tmp_path):
    for _ in range(2):
        words = [f"run={recorded.penguins}", f"input={PENGUINS}", f"output={tmp_path / 'again.parquet'}"]
        assert call("predict", *words, where=recorded.folder).returncode == 0


def test_rows_that_differ_from_the_training_are_told_and_listed_and_the_others_are_not(
    recorded, tmp_path, capsys
):
    frame = pd.read_csv(PENGUINS)
    run(tmp_path / "same.parquet", run=recorded.penguins, input=PENGUINS)
    assert "inputs: like the training rows (5 columns tested); all tests: " in capsys.readouterr().out
    frame.loc[::5, "island"] = "Atlantis"
    frame["bill_length_mm"] += 100
    frame.to_csv(tmp_path / "rows.csv", index=False)
    run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv")
    told = capsys.readouterr().out
    assert "differ from the training rows in 2 of 5 columns" in told
    assert "99 % outside the range" in told
    assert "20 % have categories that training never saw" in told
    listed = pd.read_csv(tmp_path / "o.drift.csv").set_index("column")
    assert listed.index[listed.differs == "yes"].tolist() == ["traits.bill_length_mm", "traits.island"]
    assert listed.unseen["traits.island"] == pytest.approx(69 / 344)


def test_an_input_that_is_left_out_is_not_compared(recorded, planted_folder, tmp_path):
    config = {"run": recorded.planted, "input": planted_folder / "planted.npz"}
    run(tmp_path / "o.parquet", missing=["image"], **config)
    listed = pd.read_csv(tmp_path / "o.drift.csv")
    assert all(column.startswith("series") for column in listed.column)
    assert (listed.differs == "no").all()


def test_a_run_without_a_summary_says_so_and_leaves_no_table(recorded, tmp_path, capsys):
    (tmp_path / "o.drift.csv").write_text("column,differs,of an earlier call")
    has = StoredRun.has
    without = lambda stored, path: path != "data/seen.json" and has(stored, path)  # noqa: E731
    with mock.patch("pipeline.tracking.StoredRun.has", without):
        run(tmp_path / "o.parquet", run=recorded.penguins, input=PENGUINS)
    assert "not compared with the training rows" in capsys.readouterr().out
    assert not (tmp_path / "o.drift.csv").exists()


def test_the_summary_holds_counts_and_no_row(recorded):
    path = mlflow.artifacts.download_artifacts(run_id=recorded.penguins, artifact_path="data/seen.json")
    columns = json.loads(Path(path).read_text())["columns"]
    assert sum(columns["traits.island"]["counts"].values()) == 241
    assert len(columns["traits.bill_length_mm"]["counts"]) == 10
