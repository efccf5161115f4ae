"""A run's params are its choices, what differs from the defaults, and what people compare."""

import pytest

from pipeline.config import CONF
from pipeline.job.params import params
from pipeline.job.resume import Origin
from tests import composed

GROUPS = {"optimizer": "adam", "trainer": "default", "data": "penguins", "branches.traits": "table"}


@pytest.fixture(scope="module")
def cfg():
    return composed.config(*composed.PENGUINS, "fusion.dropout=0.5", "tracking.run_name=mine")


def logged(cfg, overrides=(), groups=GROUPS, folders=()):
    return params(cfg, Origin(list(overrides), groups, list(folders)))


def test_choices_come_first_in_the_order_of_the_config(cfg):
    names = list(logged(cfg))
    assert names[:4] == ["data", "branches.traits", "optimizer", "trainer"]
    first = next(iter(logged(cfg, groups={**GROUPS, "experiment": "penguins"})))
    assert first == "experiment"


def test_values_that_nobody_changed_are_left_out_but_those_that_people_compare(cfg):
    found = logged(cfg)
    assert found["seed"] == 0
    assert found["optimizer.learning_rate"] == 0.001
    assert found["loss_weights.species"] == 1.0
    assert {"trainer.epochs", "trainer.batch_size"} <= found.keys()
    assert not [name for name in found if name.startswith(("fusion.", "data.", "insight.", "tracking."))]
    assert len(found) < 16


@pytest.mark.parametrize(
    "override", ["fusion.dropout=0.5", "++fusion.dropout=0.5", "fusion={dropout: 0.5}", "+fusion.dropout=0.5"]
)
def test_a_typed_value_is_a_param_in_every_form_of_an_override(cfg, override):
    assert logged(cfg, [override])["fusion.dropout"] == 0.5


def test_what_a_typed_option_contains_is_not_repeated(cfg):
    assert "trainer.shuffle" not in logged(cfg, ["trainer=default", "~trainer.callbacks"])


def test_what_says_nothing_on_the_result_is_no_param(cfg):
    found = logged(cfg, ["tracking.run_name=mine", "sweep.name=s", "+trusted_modules=[x]"])
    assert not [name for name in found if name.startswith(("tracking.", "sweep", "trusted_modules"))]
    assert logged(cfg, groups={**GROUPS, "tracking": "local"})["tracking"] == "local"


def test_parts_that_auto_chose_are_named_by_their_class(cfg):
    found = logged(cfg, groups={"data": "penguins", "heads": "auto"})
    assert found["heads.species._target_"] == "pipeline.heads.Multiclass"
    assert found["branches.traits._target_"] == "pipeline.branches.Table"
    assert "branches.traits._target_" not in logged(cfg)
    assert not [name for name in found if ".loss." in name]


def test_values_of_an_experiment_differ_from_the_defaults_too(cfg, tmp_path):
    folder = tmp_path / "experiment"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "defaults: [more, {override /data: penguins}]\nfusion: {dropout: 0.5}\n"
    )
    (folder / "more.yaml").write_text("# @package _global_\nbranches: {traits: {embedding: 8}}\n")
    found = logged(cfg, groups={**GROUPS, "experiment": "mine"}, folders=[CONF, tmp_path])
    assert found["fusion.dropout"] == 0.5
    assert found["branches.traits.embedding"] == 8
