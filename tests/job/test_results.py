"""The results of the kept weights: the objective of a sweep, and the summary on the terminal."""

from types import SimpleNamespace

import pytest

from pipeline.errors import ConfigError
from pipeline.insight import Insight
from pipeline.job import results
from pipeline.job.results import Results, description, evaluate_kept, objective, result_table, summary
from pipeline.training.fit import FitResult
from pipeline.training.head_progress import HeadProgress

METRICS = {
    "best/val_skill": 0.5,
    "val/loss": 2.0,
    "test/a_loss": 0.25,
    "test/a_skill": 0.75,
    "test/a_accuracy": 0.9,
    "test/b_mae": 12345.678,
}


def make_results(metrics=METRICS, **more):
    empty = {"epochs": {}, "baseline_losses": {"a": 1.0, "b": None}, "contributions": [], "stand_ins": {}}
    return Results(metrics=metrics, **{**empty, "ending": [], "sentences": [], **more})


def test_the_objective_is_one_metric_or_a_tuple_in_the_given_order():
    assert objective("best/val_skill", make_results()) == 0.5
    assert objective(["val/loss", "best/val_skill"], make_results()) == (2.0, 0.5)
    assert objective(["val/loss"], make_results()) == (2.0,)


@pytest.mark.parametrize("names", ["val/skil", ["val/loss", "val/skil"]])
def test_an_objective_that_nobody_measured_is_refused_with_its_name(names):
    with pytest.raises(ConfigError, match="this run has no such metric") as caught:
        objective(names, make_results())
    assert (caught.value.key, caught.value.found) == ("objective", "val/skil")
    assert "allowed: best/val_skill, test/a_accuracy, test/a_loss" in str(caught.value)


def test_the_table_has_a_line_per_head_and_a_dash_for_what_is_undefined():
    heads = {"a": {"loss": 0.25, "skill": 0.75, "accuracy": 0.9, "f1": 0.8}, "b": {"mae": 12345.678}}
    assert result_table(heads, {"a": 1.0, "b": None}).split("\n") == [
        "head  skill  test loss  baseline loss  test metrics",
        "a     0.750  0.25       1              accuracy 0.9  f1 0.8",
        "b     -      -          -              mae 1.235e+04",
    ]


def test_the_summary_is_the_table_the_ending_the_insight_and_where_to_look():
    found = make_results(ending=["kept epoch 3 of 4"], sentences=["Branch x helps head a."])
    online = SimpleNamespace(url=lambda: "http://server/run", run_id="3f2a", local_path=lambda name: None)
    lines = summary(found, online, ["a", "b"], "took 5 s").split("\n")
    assert lines[0].startswith("head")
    assert [line.split()[0] for line in lines[1:3]] == ["a", "b"]
    assert lines[3:] == ["kept epoch 3 of 4", "Branch x helps head a.", "took 5 s", "http://server/run"]
    local = SimpleNamespace(url=lambda: None, run_id="3f2a", local_path=lambda name: f"here/{name}")
    assert summary(found, local, ["a", "b"], "took 5 s").split("\n")[6:] == [
        "report: here/report/report.html",
        "run 3f2a",
        "look: python -m pipeline.ui",
    ]


def test_the_description_in_mlflow_has_the_table_the_ending_and_a_link_to_the_report():
    found = make_results(
        ending=["trained all 4 epochs; kept epoch 3, the best", "head a was best in epoch 2"]
    )
    run = SimpleNamespace(artifact_url=lambda name: f"#/run/{name}")
    title, rule, first, second, _, ending, _, report = description(found, run, ["a", "b"]).split("\n")
    assert title == "| head | skill | test loss | baseline loss | test metrics |"
    assert rule == "| --- | --- | --- | --- | --- |"
    assert (first.split()[1], second.split()[1]) == ("a", "b")
    assert ending == "Trained all 4 epochs; kept epoch 3, the best. Head a was best in epoch 2."
    assert report == "[Report](#/run/report/report.html)"


def test_the_description_of_hundreds_of_heads_is_not_cut_off_in_mlflow(monkeypatch):
    monkeypatch.setattr("pipeline.job.results.LONGEST_TABLE", 150)
    found = make_results(ending=["kept epoch 3 of 4"])
    run = SimpleNamespace(artifact_url=lambda name: f"#/run/{name}")
    lines = description(found, run, ["a", "b"]).split("\n")
    assert [line.split()[1] for line in lines[2:-6]] == ["a"]
    assert lines[-6:-3] == ["", "1 more heads are in the report.", ""]


def test_of_many_sentences_of_the_insight_the_terminal_shows_three():
    found = make_results(ending=[], sentences=["one", "two", "three", "four", "five"])
    run = SimpleNamespace(url=lambda: "http://server/run", local_path=lambda name: None)
    lines = summary(found, run, ["a", "b"], "took 5 s").split("\n")
    assert lines[3:7] == ["one", "two", "three", "(2 more findings in the report)"]


@pytest.fixture
def quick(untrained):
    """The untrained job without the contributions of its branches."""
    insight = Insight(probe_rows=0, probe_batches=1, by_part=False, repeats=0)
    return SimpleNamespace(**{**vars(untrained), "insight": insight})


FITTED = FitResult(
    history={},
    best_epoch=3,
    best={"val/loss": 7.0, "val/species_accuracy": 0.125},
    heads=HeadProgress(best_epoch={"species": 2}),
    monitor="val/loss",
    limit=3,
)


def test_the_metrics_are_the_kept_epochs_and_those_of_the_test_rows(quick):
    found = evaluate_kept(quick, FITTED)
    assert {name: value for name, value in found.metrics.items() if not name.startswith("test/")} == {
        "best/epoch": 3.0,
        "best/species_epoch": 2.0,
        "best/val_loss": 7.0,
        "best/val_species_accuracy": 0.125,
        "val/loss": 7.0,
        "val/species_accuracy": 0.125,
    }
    test = quick.dataset.splits["test"]
    predicted = found.epochs["test"].outputs["species"].argmax(axis=1)
    assert found.metrics["test/species_accuracy"] == pytest.approx(
        (predicted == test.labels["species"]).mean()
    )
    assert list(found.epochs) == ["val", "test"]
    assert found.baseline_losses["species"] == quick.references["test"]["species"].baseline_loss
    assert found.contributions == []
    assert found.ending == ["trained all 3 epochs; kept epoch 3, the best by val/loss"]


def test_a_calibration_measures_the_validation_rows_again(quick, monkeypatch):
    monkeypatch.setattr(results, "calibrate", lambda job: {"calibration/species_temperature": 1.0})
    found = evaluate_kept(quick, FITTED).metrics
    assert found["calibration/species_temperature"] == 1.0
    assert found["best/val_species_loss"] == found["val/species_loss"]
    assert found["val/species_accuracy"] != 0.125
    assert found["best/val_loss"] == found["val/loss"] != 7.0


def test_contributions_are_computed_as_often_and_on_as_many_rows_as_configured(untrained, monkeypatch):
    calls = []
    monkeypatch.setattr(
        results, "contributions", lambda *args, **options: calls.append((args, options)) or []
    )
    insight = Insight(probe_rows=0, probe_batches=1, by_part=False, repeats=2, rows=7)
    evaluate_kept(SimpleNamespace(**{**vars(untrained), "insight": insight}), FITTED)
    ((_, rows, references), options) = calls[0]
    assert rows is untrained.rows["val"]
    assert references is untrained.references["val"]
    assert (options["repeats"], options["number"]) == (2, 7)
