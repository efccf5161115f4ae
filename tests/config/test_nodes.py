import pytest

from pipeline import config
from pipeline.config import nodes
from pipeline.errors import ConfigError
from tests.config.cases import right_configs, wrong_configs


@wrong_configs(
    (["trainer.epochs=0"], "trainer.epochs: ", ["found:   0", "auto, or a whole number of at least 1"]),
    (["trainer.epochs=ten"], "trainer.epochs: ", ["found:   'ten'"]),
    (["trainer.epochs=1.5"], "trainer.epochs: ", ["found:   1.5"]),
    (["trainer.epochs=true"], "trainer.epochs: ", ["found:   true"]),
    (["trainer.batch_size=0"], "trainer.batch_size: ", ["a whole number of at least 1"]),
    (["trainer.accumulate=0"], "trainer.accumulate: ", ["found:   0"]),
    (["trainer.gradient_clip=0"], "trainer.gradient_clip: ", ["allowed: a number above 0, or null"]),
    (["trainer.early_stopping.patience=-1"], "trainer.early_stopping.patience: ", ["at least 0"]),
    (
        ["trainer.precision=float16"],
        "trainer.precision: ",
        ["allowed: float32, mixed_float16, mixed_bfloat16"],
    ),
    (["trainer.threads=all"], "trainer.threads: ", ["allowed: auto, or"]),
    (["trainer.shuffle=1"], "trainer.shuffle: ", ["allowed: true or false"]),
    (["trainer.callbacks=[early]"], "trainer.callbacks: ", ["a list, each entry a mapping with a _target_"]),
    (["+trainer.epoch=3"], "trainer.epoch: there is no such key", ["found:   epoch", "nearest: epochs"]),
    (["~trainer.epochs"], "trainer.epochs: this key is missing", ["a whole number"]),
    (["+trainr.epochs=3"], "trainr: there is no such key", ["nearest: trainer"]),
    (["+tracking.url=x"], "tracking.url: there is no such key", ["nearest: uri"]),
    (["+trainer.early_stopping.patients=3"], "trainer.early_stopping.patients: ", ["nearest: patience"]),
    (
        ["trainer.early_stopping.head_patience=0"],
        "trainer.early_stopping.head_patience: ",
        ["auto, or a whole number of at least 1, or null"],
    ),
    (["trainer.average=1"], "trainer.average: ", ["found:   1", "a number above 0 and below 1, or null"]),
    (["+optimizer.use_ema=true"], "optimizer.use_ema: ", ["allowed: trainer.average=0.99"]),
    (
        ["trainer.callbacks=[{_target_: keras.callbacks.SwapEMAWeights}]"],
        "trainer.callbacks[0]: ",
        ["allowed: trainer.average=0.99"],
    ),
    (["seed=abc"], "seed: ", ["found:   'abc'"]),
    (["seed=4294967296"], "seed: ", ["at most 4,294,967,295"]),
    (["trainer.batch_size=3000000000"], "trainer.batch_size: ", ["at most 2,147,483,647"]),
    (["trainer.threads=5000"], "trainer.threads: ", ["at most 4,096"]),
    (["~fusion"], "fusion: this key is missing", []),
    (["~fusion._target_"], "fusion: ", ["a mapping with a _target_"]),
    (["optimizer.learning_rate=fast"], "optimizer.learning_rate: ", ["found:   'fast'", "a number above 0"]),
    (["~optimizer.learning_rate"], "optimizer.learning_rate: ", ["found:   null"]),
    (["+data.target.x=3"], "data.target: there is no such key", ["nearest: targets"]),
)
def test_a_fixed_node_with_a_wrong_key_or_value_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    ["trainer.epochs=auto", "trainer.batch_size=auto", "trainer.early_stopping.patience=3"],
    ["trainer.average=null", "trainer.early_stopping.head_patience=null", "+optimizer.use_ema=false"],
    ["~trainer.average", "~trainer.early_stopping.head_patience"],  # as in the configs of version 0.1
    ["trainer.gradient_clip=1", "trainer.threads=2", "trainer.early_stopping=null"],
    ["trainer.callbacks=[{_target_: keras.callbacks.TerminateOnNaN}]"],
)
def test_a_fixed_node_with_right_values_passes(compose, overrides):
    config.check(compose(*overrides))


def test_the_use_of_the_machine_is_logged_only_with_the_package_that_reads_it(monkeypatch):
    wanted = {"tracking": {"system_metrics": True}}
    monkeypatch.setattr(nodes, "find_spec", lambda name: None)
    nodes.check_machine_use({"tracking": {"system_metrics": False}})
    with pytest.raises(ConfigError, match=r"tracking\.system_metrics: needs a package"):
        nodes.check_machine_use(wanted)
    monkeypatch.setattr(nodes, "find_spec", lambda name: object())
    nodes.check_machine_use(wanted)


@pytest.mark.parametrize(("installed", "setting", "due"), [(True, "auto", True), (False, "auto", False)])
def test_auto_logs_the_use_of_the_machine_where_it_can_be_read(monkeypatch, installed, setting, due):
    monkeypatch.setattr(nodes, "find_spec", lambda name: object() if installed else None)
    assert nodes.logs_machine_use(setting) is due
    assert nodes.logs_machine_use(False) is False
    nodes.check_machine_use({"tracking": {"system_metrics": setting}})


@wrong_configs(
    (["conformal.calibration=1"], "conformal.calibration: this value is not allowed", ["below 1, or null"]),
    (["conformal.level=90"], "conformal.level: this value is not allowed", ["above 0 and below 1"]),
    (["+conformal.lvl=0.9"], "conformal.lvl: there is no such key", ["nearest: level"]),
    (
        [
            "conformal.calibration=0.5",
            "+head@heads.class_set=multiclass",
            "+data.targets.class_set=${data.targets.class}",
        ],
        "heads.class: the name class_set_size also means the metric size of head class_set",
        [],
    ),
    (["conformal.level=0.8"], "conformal.level: has no effect without calibration rows", ["calibration=0.5"]),
)
def test_sets_and_intervals_need_calibration_rows_and_a_level(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)
