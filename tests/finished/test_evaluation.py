"""A finished run measured on labelled rows: its metrics, their intervals, and data that does not fit."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from pipeline.config.make import maker
from pipeline.errors import ConfigError
from pipeline.finished.evaluation import _units, evaluate
from pipeline.finished.run import ForwardRaw
from pipeline.job.measured import _capped, centred_interval
from tests.finished.sample import BASELINE, evaluation

rng = np.random.default_rng(0)
NAN = np.nan


@pytest.fixture
def evaluate_penguins(untrained, finished):
    """A function that evaluates the untrained run on its own or other data."""

    def evaluated(data=None, which="test", own=True, run=untrained):
        node = untrained.data() if data is None else data
        return evaluate(run, finished, node, which=which, own=own, folders=[], make=maker())

    return evaluated


def test_the_metrics_are_those_of_the_run_and_without_its_combined_losses():
    found = evaluation({"a": [1.0, 2, 3, NAN], "b": 2.0}, rows=4).metrics()
    assert found == pytest.approx(
        {
            "a_loss": 14 / 3,
            "a_mae": 2.0,
            "a_skill": 1 - 14 / 30,
            "b_loss": 4.0,
            "b_mae": 2.0,
            "b_skill": 1 - 4 / BASELINE,
            "skill": (1 - 14 / 30 + 0.6) / 2,
        }
    )


def test_metrics_of_some_rows_are_those_of_these_rows_alone():
    errors = {"a": np.array([1.0, 2, 3, NAN]), "b": np.array([0.0, 1, 5, 7])}
    positions = np.array([2, 0, 2])
    some = evaluation(errors, rows=4).metrics(positions)
    alone = evaluation({head: values[positions] for head, values in errors.items()}, rows=3).metrics()
    assert some == pytest.approx(alone)
    assert some != evaluation(errors, rows=4).metrics()


def test_a_head_without_labels_in_these_rows_has_no_metrics():
    found = evaluation({"a": [1.0, 2, 3, NAN], "b": 2.0}, rows=4).metrics(np.array([3]))
    assert found == pytest.approx({"b_loss": 4.0, "b_mae": 2.0, "b_skill": 0.6, "skill": 0.6})


def test_intervals_hold_the_values_and_are_the_same_for_the_same_seed():
    measured = evaluation({"a": rng.normal(size=60), "b": rng.normal(size=60)}, rows=60)
    intervals = measured.intervals(50)
    assert {name: one.value for name, one in intervals.items()} == measured.metrics()
    assert len(intervals) == 7
    for name, one in intervals.items():
        assert one.low < one.value < one.high, name
    assert measured.intervals(50, seed=0) == intervals
    assert measured.intervals(50, seed=1) != intervals


def test_intervals_shrink_with_the_root_of_the_number_of_rows():
    widths = []
    for rows in (50, 5000):
        one = evaluation({"a": rng.normal(size=rows)}, rows=rows).intervals(200)["a_mae"]
        widths.append(one.high - one.low)
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.4)


def test_resamples_of_fewer_rows_give_intervals_as_wide_as_those_of_all_rows():
    rows = np.arange(4000)
    measured = evaluation({"a": rng.exponential(size=4000)}, rows=4000)
    full, fewer = (measured.head_intervals(400, rows, size=size)["a"] for size in (None, 400))
    for word in ("loss", "mae", "skill"):
        assert fewer[word].value == full[word].value
        widths = [one[word].high - one[word].low for one in (full, fewer)]
        assert widths[1] / widths[0] == pytest.approx(1, rel=0.25), word


def test_rows_of_the_groups_of_the_split_are_a_unit(evaluate_penguins, untrained):
    data = untrained.data()
    data.split.group = "penguins.island"
    found = evaluate_penguins(data, which="all", own=False)
    assert found.together == "penguins.island"
    assert len(np.unique(found.units)) == 3
    data.split.group = "penguins.farm"
    assert evaluate_penguins(data, which="all", own=False).units is None


def test_rows_without_a_group_stand_alone():
    assert len(np.unique(_units(np.array(["a", "", "b", "", "a"], object)))) == 4


def test_rows_of_a_unit_are_drawn_together():
    errors = rng.exponential(size=100)
    alone = evaluation({"a": errors}, rows=100)
    again = evaluation({"a": np.repeat(errors, 5)}, rows=500)
    together = replace(again, units=np.repeat(np.arange(100), 5)[::-1].copy())

    def width(measured):
        one = measured.intervals(400)["a_mae"]
        return one.high - one.low

    assert width(together) == pytest.approx(width(alone), rel=0.2)
    assert width(again) == pytest.approx(width(alone) / np.sqrt(5), rel=0.2)
    some = np.arange(250, 500)
    found = together.head_intervals(400, some)["a"]["mae"]
    assert found.high - found.low == pytest.approx(width(alone) * np.sqrt(2), rel=0.35)


def test_resamples_in_which_a_metric_is_undefined_are_left_out_of_its_interval():
    one = evaluation({"a": [1.0, NAN, NAN, NAN], "b": 1.0}, rows=4).intervals(40)["a_mae"]
    assert one == pytest.approx((1.0, 1.0, 1.0))


def test_without_resamples_the_bounds_are_nan():
    intervals = evaluation({"a": 1.0}).intervals(0)
    assert intervals["a_mae"].value == 1.0
    for one in intervals.values():
        assert np.isnan([one.low, one.high]).all()


def test_intervals_hold_the_value_though_resampling_moves_it():
    drawn = np.array([0.05, 0.06, 0.07, 0.08])
    found = centred_interval(0.03, drawn)
    assert found.low < 0.03 < found.high
    assert found.high - found.low == pytest.approx(np.ptp(np.quantile(drawn, [0.025, 0.975])))
    assert centred_interval(0.001, drawn).low == 0
    assert centred_interval(-0.5, drawn - 1).low < -0.5


@pytest.mark.parametrize("which", ["test", "all"])
def test_rows_are_read_and_measured_as_in_training(evaluate_penguins, untrained, which):
    measured = evaluate_penguins(which=which)
    job = untrained.job
    split = job.dataset.splits["test"]
    expected = job.trainer.evaluate(job.rows["test"])
    at = slice(None) if which == "test" else split.rows
    np.testing.assert_array_equal(measured.rows.rows[at], split.rows)
    for head, losses in measured.row_losses.items():
        own = job.trainer.losses[head].row_losses(split.labels[head], expected.raw[head])
        np.testing.assert_allclose(losses[at], own, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(measured.epoch.outputs[head][at], expected.outputs[head], rtol=1e-4)
        assert measured.epoch.losses[head] == pytest.approx(np.nanmean(losses), rel=1e-5)
    assert len(measured.rows.rows) == (len(split.rows) if which == "test" else 344)


def test_rows_without_a_label_have_neither_loss_nor_baseline(evaluate_penguins):
    measured = evaluate_penguins(which="all")
    missing = np.isnan(measured.references["body_mass"].labels[:, 0])
    assert missing.sum() == 2
    for losses in (measured.row_losses, measured.row_baseline_losses):
        np.testing.assert_array_equal(np.isnan(losses["body_mass"]), missing)
        assert np.isfinite(losses["species"]).all()


def test_the_baseline_is_the_constant_of_the_training_rows(evaluate_penguins, untrained):
    measured = evaluate_penguins()
    for head, reference in untrained.job.references["test"].items():
        found = measured.references[head]
        assert found.baseline_loss == pytest.approx(reference.baseline_loss, rel=1e-5)
        mean = np.nanmean(measured.row_baseline_losses[head])
        assert mean == pytest.approx(reference.baseline_loss, rel=1e-5)


def test_own_data_must_have_the_logged_fingerprint(evaluate_penguins, untrained, tmp_path):
    (tmp_path / "config").mkdir()
    for name in ("heads", "split"):
        facts = json.loads(untrained.artifact(f"config/{name}.json").read_text())
        (tmp_path / "config" / f"{name}.json").write_text(
            json.dumps({**facts, "fingerprint": "3f2a"} if name == "split" else facts)
        )
    changed = type(untrained)(tmp_path, untrained.job)
    with pytest.raises(ConfigError, match=r"has changed since the training(.|\n)*allowed: fingerprint 3f2a;"):
        evaluate_penguins(run=changed)
    # Neither new data nor all rows together depend on the split.
    assert len(evaluate_penguins(run=changed, own=False).rows.rows)
    assert len(evaluate_penguins(run=changed, which="all").rows.rows)


def test_data_without_an_input_or_a_target_of_the_run_is_refused(evaluate_penguins, untrained):
    for group, name in (("inputs", "traits"), ("targets", "species")):
        data = untrained.data()
        del data[group][name]
        with pytest.raises(ConfigError, match=f"the run needs {name}") as caught:
            evaluate_penguins(data)
        assert caught.value.key == f"data.{group}"


def test_a_target_of_another_kind_is_refused(evaluate_penguins, untrained):
    data = untrained.data()
    data.targets.body_mass = {"kind": "category", "column": data.targets.body_mass.column}
    with pytest.raises(ConfigError, match="the kind differs from that in training") as caught:
        evaluate_penguins(data)
    assert (caught.value.key, caught.value.found) == ("data.targets.body_mass.kind", "category")


@pytest.mark.parametrize("heads", [["a"], ["a", "b"]])
def test_a_model_of_one_or_more_heads_gives_raw_and_readable_outputs(heads):
    x = keras.Input((2,), name="x")
    raw = {name: keras.Input((1,), name=name) for name in heads}
    presenter = keras.Model(raw, {name: 10 * tensor for name, tensor in raw.items()}, name="presenter")
    parts = {name: keras.layers.Dense(1, kernel_initializer="ones")(x) for name in heads}
    found = ForwardRaw(keras.Model({"x": x}, presenter(parts)), 2)({"x": np.ones((3, 2))})
    for name in heads:
        assert found.raw[name][:, 0].tolist() == [2, 2, 2]
        assert found.readable[name][:, 0].tolist() == [20, 20, 20]
    assert {len(values) for values in found.at(np.array([True, False, True])).raw.values()} == {2}


def test_the_interval_of_a_metric_that_is_at_most_1_ends_there():
    samples = np.array([0.9, 1.0] * 20)
    assert _capped("a_accuracy", centred_interval(0.99, samples)).high == 1
    assert _capped(("a", "r2"), centred_interval(0.99, samples)).high == 1
    assert _capped("a_loss", centred_interval(0.99, samples)).high > 1
