"""`branches=auto heads=auto`: parts by the kinds of the data."""

import pytest
from omegaconf import OmegaConf, open_dict

from pipeline import config
from pipeline.config import auto_parts
from pipeline.data import kinds
from pipeline.errors import ConfigError

AUTO = ("branches=auto", "heads=auto")


@pytest.fixture
def expanded(compose):
    """Compose, expand and check a config with automatic parts, as the command line does."""

    def whole(*overrides: str) -> dict:
        cfg = config.expand(compose(*AUTO, *overrides))
        config.check(cfg)
        assert OmegaConf.is_struct(cfg)
        return OmegaConf.to_container(cfg)

    return whole


@pytest.mark.parametrize(
    ("data", "branches", "heads"),
    [
        ("kanji", {"image": "Conv2D", "series": "Conv1D"}, {"class": "Multiclass", "score": "Regression"}),
        ("penguins", {"traits": "Table"}, {"species": "Multiclass", "body_mass": "Regression"}),
    ],
)
def test_every_input_and_target_gets_a_part_for_its_kind(expanded, data, branches, heads):
    found = expanded(f"data={data}")
    for group, parts in (("branches", branches), ("heads", heads)):
        targets = {name: part["_target_"] for name, part in found[group].items()}
        assert targets == {name: f"pipeline.{group}.{part}" for name, part in parts.items()}
    assert found["loss_weights"] == dict.fromkeys(heads, "auto")


def test_every_kind_of_input_and_target_has_a_part():
    for group, known in (("branches", kinds.INPUTS), ("heads", kinds.TARGETS)):
        file = OmegaConf.load(config.CONF / group / "auto.yaml")
        options = file._auto_ if group == "branches" else file.heads._auto_
        assert set(options) == set(known)


def test_an_automatic_part_equals_the_option_of_its_kind(expanded):
    part = OmegaConf.to_container(OmegaConf.load(config.CONF / "branch" / "conv2d.yaml"))
    assert expanded()["branches"]["image"] == part


def test_automatic_series_have_their_summary(expanded):
    assert expanded()["branches"]["series"]["summary"]


def test_keys_parts_and_weights_can_be_changed(expanded):
    found = expanded(
        "branches.image.dropout=0.1",
        "+branch@branches.series=gru",
        "branches.series.units=[3]",
        "heads.class.units=[5]",
        "loss_weights.class=2",
        "heads._auto_.number=quantiles",
    )
    assert found["branches"]["image"]["dropout"] == 0.1
    assert found["branches"]["image"]["_target_"] == "pipeline.branches.Conv2D"
    assert (found["branches"]["series"]["_target_"], found["branches"]["series"]["units"]) == (
        "pipeline.branches.GRU",
        [3],
    )
    assert found["heads"]["class"]["units"] == [5]
    assert found["heads"]["score"]["loss"]["quantiles"] == "${..quantiles}"
    assert found["loss_weights"] == {"class": 2, "score": "auto"}
    assert expanded("+loss_weights.class=3")["loss_weights"]["class"] == 3


def test_an_input_that_is_removed_has_no_branch(expanded):
    assert set(expanded("~data.inputs.series")["branches"]) == {"image"}


@pytest.mark.parametrize(
    ("override", "start", "part"),
    [
        ("branches.imag.dropout=0.1", "branches.imag: this branch has no input", "nearest: image"),
        ("branches.image.dropot=0.1", "branches.image.dropot: there is no such key", "nearest: dropout"),
        ("heads.clas.units=[3]", "heads.clas: this head has no target", "nearest: class"),
        ("loss_weights.clas=2", "loss_weights.clas: there is no such head", "nearest: class"),
        ("data.inputs.image.kind=imag", "data.inputs.image.kind: there is no such kind", "nearest: image"),
        (
            "~data.inputs.image.kind",
            "branches.image: auto cannot choose a branch, because this input has no kind",
            "+branch@branches.image=…",
        ),
    ],
)
def test_a_wrong_setting_of_an_automatic_part_is_refused(expanded, override, start, part):
    with pytest.raises(ConfigError) as caught:
        expanded(override)
    assert str(caught.value).startswith(start)
    assert part in str(caught.value)


def test_a_config_without_auto_only_gets_the_scales_of_its_numbers(compose):
    cfg = compose()
    expanded = config.expand(cfg)
    assert expanded.data.inputs.series.scale == "robust"
    assert expanded.data.targets.score.scale == "auto"
    with open_dict(cfg):
        cfg.data.inputs.image.scale = "auto"
        cfg.data.inputs.series.scale, cfg.data.targets.score.scale = "robust", "auto"
    assert expanded == cfg


def test_null_leaves_out_a_branch_or_a_head_with_its_weight(expanded):
    found = expanded("branches.image=null", "heads.class=null", "loss_weights.class=2")
    assert list(found["branches"]) == ["series"]
    assert list(found["heads"]) == ["score"]
    assert found["loss_weights"] == {"score": "auto"}
    assert list(found["data"]["inputs"]) == ["image", "series"]


def test_null_leaves_out_an_input_or_a_target_with_its_part(expanded):
    found = expanded("data.inputs.image=null", "data.targets.class=null")
    assert list(found["data"]["inputs"]) == list(found["branches"]) == ["series"]
    assert list(found["data"]["targets"]) == list(found["heads"]) == ["score"]
    assert found["loss_weights"] == {"score": "auto"}


def test_null_leaves_out_parts_that_are_not_automatic(compose):
    cfg = config.expand(compose("branches.image=null", "heads.class=null"))
    config.check(cfg)
    assert (list(cfg.branches), list(cfg.heads), list(cfg.loss_weights)) == (["series"], ["score"], ["score"])
    assert OmegaConf.is_struct(cfg)


@pytest.mark.parametrize("group", ["branches", "heads"])
def test_null_for_a_part_without_an_input_or_target_is_refused(expanded, group):
    with pytest.raises(ConfigError) as caught:
        expanded(f"{group}.imgae=null")
    assert caught.value.key == f"{group}.imgae"


def test_a_target_that_is_left_out_of_the_data_cannot_stratify(compose):
    cfg = config.expand(compose("experiment=penguins", "data.targets.species=null", "heads.species=null"))
    with pytest.raises(ConfigError) as caught:
        config.check(cfg)
    assert caught.value.key == "data.split.stratify"
    assert "penguins.<column>" in str(caught.value)


@pytest.mark.parametrize("key", ["branches", "heads", "data", "loss_weights"])
@pytest.mark.parametrize("value", [5, True, "x", [], None])
def test_a_group_that_is_no_mapping_is_refused_by_its_key(compose, key, value):
    cfg = compose()
    OmegaConf.set_struct(cfg, False)
    cfg[key] = value
    with pytest.raises(ConfigError, match=rf"^{key}"):
        config.check(config.expand(cfg))


def test_a_part_is_composed_once_for_all_inputs_or_targets_of_a_kind(compose, monkeypatch):
    composed = []
    whole = auto_parts.compose
    monkeypatch.setattr(auto_parts, "compose", lambda name: composed.append(name) or whole(name))
    targets = (
        "+data.targets={" + ",".join(f"t{i}: {{kind: number, column: kanji.x}}" for i in range(20)) + "}"
    )
    cfg = config.expand(compose(*AUTO, "branches.series=null", targets, "heads.t3.units=[7]"))
    assert len(composed) == len(set(composed))
    assert cfg.heads.t3.units == [7]
    assert cfg.heads.t4.units != [7]
