"""From a config to a job: parts are connected as the config says, and those that do not fit are refused."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from pipeline import compose
from pipeline.config.auto_trainer import settle
from pipeline.config.make import maker
from pipeline.data.feed import Stream
from pipeline.errors import ConfigError
from pipeline.training.class_weights import class_factors
from tests import composed


@pytest.fixture(scope="module")
def dataset():
    return compose.load_data(composed.config(*composed.PENGUINS), maker(), folders=[])


@pytest.fixture(scope="module")
def build(dataset):
    """A function that builds the penguins' job with overrides."""

    def built(*overrides, data=dataset):
        cfg = composed.config(*composed.PENGUINS, *overrides)
        return compose.build(settle(cfg, len(data.splits["train"].rows)), data, maker())

    return built


@pytest.fixture(scope="module")
def plain(build):
    """The penguins' job without overrides."""
    return build()


@pytest.mark.parametrize(("balancer", "name"), [("cagrad", "CAGrad"), ("famo", "FAMO")])
def test_balancers_that_look_at_each_batch_refuse_to_accumulate(build, balancer, name):
    with pytest.raises(ConfigError, match=f"{name} balances each batch") as caught:
        build(f"balancer={balancer}", "trainer.accumulate=2")
    assert (caught.value.key, caught.value.found) == ("trainer.accumulate", 2)


def test_balancers_that_look_at_each_batch_are_built_without_accumulation(build):
    assert build("balancer=cagrad").trainer.optimizer.gradient_accumulation_steps is None


def test_other_balancers_accumulate(build):
    job = build("balancer=uncertainty", "trainer.accumulate=2")
    assert job.trainer.optimizer.gradient_accumulation_steps == 2


def test_a_calibrated_head_needs_validation_labels(build, dataset):
    labels = dataset.splits["val"].labels
    calibrated = "heads.species.calibrate=temperature"

    def relabelled(codes):
        val = replace(dataset.splits["val"], labels={**labels, "species": codes})
        return replace(dataset, splits={**dataset.splits, "val": val})

    none = np.full_like(labels["species"], -1)
    with pytest.raises(ConfigError, match="no validation row has a label") as caught:
        build(calibrated, data=relabelled(none))
    assert (caught.value.key, caught.value.found) == ("heads.species.calibrate", "temperature")
    one = np.where(np.arange(len(none)) == 3, 1, none)
    assert build(calibrated, data=relabelled(one)).heads["species"].calibrate == "temperature"
    assert build(data=relabelled(none)).heads["species"].calibrate is None


def test_the_gradient_is_clipped_only_if_the_config_asks_for_it(build, plain):
    assert build("trainer.gradient_clip=0.5").trainer.optimizer.global_clipnorm == 0.5
    assert plain.trainer.optimizer.global_clipnorm is None


def test_only_half_precision_of_float16_scales_the_loss(build):
    wrapped = build("trainer.precision=mixed_float16").trainer.optimizer
    assert isinstance(wrapped, keras.optimizers.LossScaleOptimizer)
    assert isinstance(wrapped.inner_optimizer, keras.optimizers.Adam)
    plain = build("trainer.precision=mixed_bfloat16").trainer.optimizer
    assert isinstance(plain, keras.optimizers.Adam)


def test_a_head_without_a_loss_weight_has_weight_1_and_schedules_are_logged_as_they_end(build):
    job = build(
        "~loss_weights.species",
        "loss_weights.body_mass={_target_: pipeline.loss_weights.Linear, start: 0.0, end: 3.0, epochs: 4}",
        "trainer.epochs=6",
    )
    assert job.schedules["species"] == 1.0
    assert [job.schedules["body_mass"](epoch) for epoch in (0, 3, 5)] == [0.0, 3.0, 3.0]
    assert job.loss_weights == {"species": 1.0, "body_mass": 3.0}


def test_class_weights_become_factors_of_the_heads_that_have_them(build, plain, dataset):
    losses = build("heads.species.class_weight=balanced").trainer.losses
    target, labels = dataset.targets["species"], dataset.splits["train"].labels["species"]
    expected = class_factors("balanced", "category", target.names, labels, "key")
    np.testing.assert_array_equal(losses["species"].factors, expected)
    assert np.ptp(expected) > 0.1
    assert losses["body_mass"].factors is None
    assert plain.trainer.losses["species"].factors is None


def test_only_heads_with_a_label_in_every_row_skip_the_masks(plain):
    complete = {name: loss.complete for name, loss in plain.trainer.losses.items()}
    assert complete == {"species": True, "body_mass": False}


def test_the_learning_rate_of_a_branch_freezes_or_rescales_it(build, plain):
    frozen = build("branches.traits.learning_rate=0.0").trainer
    assert not [variable for variable in frozen.variables if "traits" in variable.path]
    slow = build("branches.traits.learning_rate=0.5").trainer
    assert {(rate, layer) for rate, layer, _ in slow.updates.scaled} == {(0.5, "branch_traits")}
    assert plain.trainer.updates.scaled == []


def test_the_probe_has_the_configured_size_and_is_absent_without_insight(build):
    probe = build("insight.probe_rows=12", "insight.probe_batches=3", "insight.by_part=true").probe
    assert probe.labels["species"].shape == (3, 4)
    assert probe.by_part
    assert build("insight=off").probe is None


def test_callbacks_of_the_schedule_come_before_those_of_the_config(build):
    job = build("schedule=plateau", "trainer.callbacks=[{_target_: keras.callbacks.History}]")
    names = [type(callback).__name__ for callback in job.callbacks]
    assert names == ["ReduceLROnPlateau", "History"]


def test_callbacks_for_batches_are_refused(build):
    nodes = "[{_target_: keras.callbacks.History},{_target_: keras.callbacks.TerminateOnNaN}]"
    with pytest.raises(ConfigError, match="TerminateOnNaN has on_") as caught:
        build(f"trainer.callbacks={nodes}")
    assert caught.value.key == "trainer.callbacks[1]"


@pytest.mark.parametrize(
    ("rows", "accumulate", "updates"), [(64, 1, 2), (65, 1, 3), (65, 3, 1), (7 * 32, 3, 2), (5, 4, 1)]
)
def test_an_epoch_has_an_update_for_every_full_group_of_batches_and_at_least_one(rows, accumulate, updates):
    cfg = composed.config("trainer.batch_size=32", f"trainer.accumulate={accumulate}")
    assert compose._updates(cfg, rows) == updates


def test_the_learning_rate_decays_over_all_updates(build, dataset):
    job = build(
        "trainer.epochs=3", "trainer.batch_size=32", "trainer.accumulate=2", "schedule.warmup_epochs=0"
    )
    rows = len(dataset.splits["train"].rows)
    assert job.trainer.optimizer._learning_rate.decay_steps == 3 * (-(-rows // 32) // 2)


def test_only_the_inputs_and_targets_of_branches_and_heads_are_loaded():
    cfg = composed.config(*composed.PENGUINS, "~heads.body_mass", "~loss_weights.body_mass")
    dataset = compose.load_data(cfg, maker(), folders=[])
    assert (list(dataset.inputs), list(dataset.targets)) == (["traits"], ["species"])


def test_the_policy_decides_what_a_leak_does(tmp_path, caplog):
    rows = [f"{i % 7},{i % 3},{i % 7}" for i in range(60)]
    (tmp_path / "s.csv").write_text("\n".join(["a,c,y", *rows]))
    cfg = composed.config(
        *composed.PENGUINS,
        "data.sources.penguins=s.csv",
        "data.inputs.traits={kind: table, numeric: [penguins.a], categorical: [penguins.c]}",
        "data.targets.body_mass={kind: number, column: penguins.y}",
        "data.targets.species={kind: category, column: penguins.c}",
    )
    cfg.data.leaks = "fail"
    with pytest.raises(ConfigError, match=r"data\.leaks"):
        compose.load_data(cfg, maker(), folders=[tmp_path])
    cfg.data.leaks = "ignore"
    assert compose.load_data(cfg, maker(), folders=[tmp_path]).leaks == []


def test_compose_job_settles_what_is_automatic():
    job = composed.job(*composed.PENGUINS)
    assert job.trainer.batch_size == 32
    assert list(job.rows) == ["train", "val", "test"]
    assert list(job.references["val"]) == list(job.heads) == ["species", "body_mass"]


def test_automatic_heads_take_distributions():
    job = composed.job("data=noise", "branches=auto", "heads=auto")
    order = np.arange(16)
    epoch = job.trainer.train(job.rows["train"], order, np.ones(2, np.float32))
    # Before it has learned anything, a head's cross-entropy is near that of the best constant.
    assert epoch.losses["class"] == pytest.approx(np.log(5), abs=0.5)
    assert job.references["val"]["class"].baseline_loss == pytest.approx(np.log(5), abs=0.1)


def test_data_beyond_the_memory_of_the_gpu_comes_in_windows_and_the_log_says_so(build, monkeypatch, caplog):
    monkeypatch.setattr(compose, "fits", lambda size: size < 1)
    rows = build().rows["train"]
    assert isinstance(rows, Stream)
    assert "does not fit into the GPU's free memory" in caplog.text


def test_heads_beyond_the_free_memory_are_refused_before_any_is_built(build, monkeypatch):
    monkeypatch.setattr(compose, "_model", lambda *arguments: pytest.fail("the model was built"))
    monkeypatch.setattr(compose, "available", lambda: 2 * compose.HEAD_BYTES - 1)
    with pytest.raises(ConfigError, match=r"^heads: a run of so many heads takes about 0\.0 GB") as caught:
        build()
    assert "2 heads of about 5 MB each" in str(caught.value)


def test_outputs_beyond_the_free_memory_are_refused_with_the_sum(build, monkeypatch):
    monkeypatch.setattr(compose, "HEAD_BYTES", 0)
    monkeypatch.setattr(compose, "available", lambda: 6 * 4 * 4 * 52 - 1)
    with pytest.raises(ConfigError, match="evaluating 52 rows takes about") as caught:
        build()
    assert "2 heads with 4 outputs, most of them of species" in str(caught.value)
    monkeypatch.setattr(compose, "available", lambda: 6 * 4 * 4 * 52)
    build()


def test_gradients_between_hundreds_of_heads_are_not_measured_and_the_log_says_so(build, monkeypatch, caplog):
    monkeypatch.setattr(compose, "MOST_PROBED", 1)
    assert build().probe is None
    assert "that is done for up to 1 heads, and there are 2" in caplog.text
