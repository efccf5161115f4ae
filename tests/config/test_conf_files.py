"""Every file of conf/ is composed, checked and instantiated."""

import importlib
import socket

import pytest
from omegaconf import OmegaConf

from pipeline import config
from pipeline.config.auto_trainer import settle
from pipeline.config.make import maker
from pipeline.config.trust import find_targets

# Options that fit the default job only together with others.
CONTEXT = {
    "data/emoji": ["experiment=gray_colour"],
    "data/multimnist": ["experiment=multimnist"],
    "data/noise": ["experiment=image_series"],
    "data/penguins": ["experiment=penguins"],
    "branches/gray_colour": ["experiment=gray_colour"],
    "branches/gray_colour_name": ["experiment=gray_colour_name"],
    "branches/traits": ["experiment=penguins"],
    "heads/left_right": ["experiment=multimnist"],
    "heads/species_body_mass": ["experiment=penguins"],
    "sweep/folds": ["data.split.fold=0"],
}
TEXT = ["~data.inputs.series", "+data.inputs.series={kind: text, column: kanji.radical_names}"]
VECTOR = ["~data.inputs.series", "+data.inputs.series={kind: vector, column: kanji.length}"]
# Options of `augment`, `branch` and `head`: where they are placed, and what they need.
PLACES = {
    "augment/small": ["+augment@branches.image.augment=small"],
    "branch/application": ["branch@branches.image=application"],
    "branch/conv1d": ["branch@branches.series=conv1d"],
    "branch/conv1d_summary": ["branch@branches.series=conv1d_summary"],
    "branch/conv2d": ["branch@branches.image=conv2d"],
    "branch/dense": ["branch@branches.series=dense", *VECTOR],
    "branch/gru": ["branch@branches.series=gru"],
    "branch/lstm": ["branch@branches.series=lstm"],
    "branch/resnet": ["branch@branches.image=resnet"],
    "branch/table": ["experiment=penguins", "branch@branches.traits=table"],
    "branch/tabm": ["experiment=penguins", "branch@branches.traits=tabm"],
    "branch/text_bag": [*TEXT, "branch@branches.series=text_bag"],
    "branch/text_conv": [*TEXT, "branch@branches.series=text_conv"],
    "branch/text_transformer": [*TEXT, "branch@branches.series=text_transformer"],
    "branch/transformer": ["branch@branches.series=transformer"],
    "head/binary": ["head@heads.score=binary", "data.targets.score={kind: binary, column: kanji.n_strokes}"],
    "head/multiclass": ["head@heads.class=multiclass"],
    "head/multiclass_focal": ["head@heads.class=multiclass_focal"],
    "head/multilabel": [
        "head@heads.score=multilabel",
        "data.targets.score={kind: labels, column: kanji.n_strokes}",
    ],
    "head/ordinal": ["head@heads.class=ordinal"],
    "head/quantiles": ["head@heads.score=quantiles"],
    "head/regression": ["head@heads.score=regression"],
}
FILES = [file.relative_to(config.CONF) for file in config.CONF.rglob("*.yaml")]
OPTIONS = sorted(str(file.with_suffix("")) for file in FILES if len(file.parts) == 2)
# Parts that are placed somewhere, and one option of each other group, are tried before every commit.
FIRST = {option.partition("/")[0]: option for option in reversed(OPTIONS)}
TRIED = [
    option if option in FIRST.values() or option in PLACES else pytest.param(option, marks=pytest.mark.slow)
    for option in OPTIONS
]
# Commands, each with overrides for the values that it cannot do without.
COMMANDS = {
    "train": [],
    "evaluate": ["run=latest"],
    "predict": ["run=latest", "input=rows.csv", "output=out.parquet"],
    "export": ["run=latest", "format=saved_model", "out=model"],
    "ensemble": ["run=latest"],
    "promote": ["name=kanji"],
    "compare": ["runs=[a,b]"],
    "init": ["sources=[rows.csv]"],
    "schema": [],
    "sync": [],
    "ui": [],
}
OF_COMMAND = {command: "config" if command == "train" else command for command in COMMANDS}


def test_every_option_is_found():
    assert len(OPTIONS) >= 70
    assert {file.stem for file in FILES if len(file.parts) == 1} == set(OF_COMMAND.values())


@pytest.mark.parametrize("option", TRIED)
def test_every_option_composes_passes_the_checks_and_instantiates(compose, option):
    group, _, name = option.rpartition("/")
    overrides = PLACES.get(option) or [*CONTEXT.get(option, []), f"{group}={name}"]
    cfg = config.expand(compose(*overrides))
    config.check(cfg)
    make, cfg = maker(), settle(cfg, rows=1000)
    for key, _ in find_targets(config.resolved(cfg)):
        # Hydra leaves a node alone that it cannot call.
        assert not OmegaConf.is_config(make(OmegaConf.select(cfg, key.removesuffix("._target_"))))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_says_in_its_first_lines_what_it_is(option):
    lines = (config.CONF / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines[:2] if line.startswith("# ") and "@package" not in line]
    assert comments, f"{option} opens without a comment"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_config_of_every_command_composes_and_passes_its_check(compose, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").touch()
    module = importlib.import_module("pipeline.command" if command == "train" else f"pipeline.{command}")
    check = module.check_training if command == "train" else module.check
    overrides = [*COMMANDS[command]]
    if command == "ui":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            overrides.append(f"port={free.getsockname()[1]}")
    check(compose(*overrides, name=OF_COMMAND[command]))


def test_every_file_of_conf_hydra_belongs_to_a_command(compose):
    chosen = set()
    for command, name in OF_COMMAND.items():
        cfg = compose(*COMMANDS[command], name=name, return_hydra_config=True)
        for group in ("help", "job_logging", "hydra_logging"):
            chosen.add(f"{group}/{cfg.hydra.runtime.choices[f'hydra/{group}']}")
    files = {str(file.relative_to("hydra").with_suffix("")) for file in FILES if file.parts[0] == "hydra"}
    assert files == chosen


def test_an_experiment_may_set_the_values_at_the_top(compose, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\nobjective: val/loss\n")
    cfg = compose(f"hydra.searchpath=[file://{tmp_path}]", "experiment=mine")
    assert (cfg.seed, cfg.objective) == (7, "val/loss")


@pytest.mark.parametrize("path", sorted((config.CONF / "branch").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_branch_has_the_keys_to_slow_it_down_and_to_drop_it(path):
    node = OmegaConf.load(path)
    for option in node.get("defaults", []):
        node = OmegaConf.merge(OmegaConf.load(path.with_name(f"{option}.yaml")), node)
    assert (node["dropout_input"], node["learning_rate"]) == (0.0, 1.0)
    assert "dropout" in node
