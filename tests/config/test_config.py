import math
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from pipeline import config
from pipeline.config.parts import arguments, constants
from pipeline.config.trust import CALLABLE, find_targets
from pipeline.errors import ConfigError
from pipeline.metric_names import metric_names, metric_word

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def composed():
    """Compose the default config with overrides, as the command line does."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config.CONF)):
        yield lambda *overrides: compose("config", overrides=list(overrides))


@pytest.fixture
def refused(composed: Callable) -> Callable:
    """The message for overrides that compose and yet are wrong."""

    def message(*overrides: str, **context: object) -> str:
        with pytest.raises(ConfigError) as caught:
            config.check(composed(*overrides), **context)
        return str(caught.value)

    return message


# overrides, how the message begins, what else is in it
FAULTS = [
    # names that must agree
    (
        ["fusion=film", "fusion.condition=serie"],
        "fusion.condition: there is no such branch",
        ["found:   serie", "nearest: series"],
    ),
    # what parts take
    (
        ["branches.image.activation=rellu"],
        "branches.image.activation: keras.activations has no such name",
        ["nearest: relu"],
    ),
    (
        ["branch@branches.image=application", "branches.image.architecture=MobilNetV2"],
        "branches.image.architecture: keras.applications has no such name",
        ["nearest: MobileNetV2"],
    ),
    (
        ["branch@branches.image=application", "branches.image.weights=no.h5"],
        "branches.image.weights: ",
        ["found:   'no.h5'", "a file that is there"],
    ),
    (["branches.series.pooling=flatten"], "branches.series.pooling: ", ["allowed: max, average"]),
    (["+branches.image.augment={shift: 0.1}"], "branches.image.augment: ", ["a mapping with a _target_"]),
    (
        ["+augment@branches.image.augment=small", "branches.image.augment.flip=horizontaly"],
        "branches.image.augment.flip: ",
        ["allowed: none, horizontal, vertical, both"],
    ),
    (["branches.image.padding=valide"], "branches.image.padding: ", ["allowed: same, valid"]),
    (
        ["branch@branches.series=transformer", "branches.series.width=30"],
        "branches.series.width: cannot be shared out evenly",
        ["found:   30", "a multiple of attention_heads=4"],
    ),
    (["fusion=attention", "fusion.width=6"], "fusion.width: cannot be shared out evenly", ["found:   6"]),
    (
        ["head@heads.score=quantiles", "heads.score.quantiles=[0.1,0.9]"],
        "heads.score.quantiles: ",
        ["found:   [0.1, 0.9]", "with 0.5, the median"],
    ),
    (
        ["head@heads.score=quantiles", "heads.score.quantiles=[0.5,0.1]"],
        "heads.score.quantiles: ",
        ["rising"],
    ),
    (
        ["heads.score.loss._target_=pipeline.losses.Pinball", "+heads.score.loss.quantiles=[0.5]"],
        "heads.score.loss._target_: this loss does not fit",
        ["found:   pipeline.losses.Pinball", "keras.losses.Huber"],
    ),
    (
        ["head@heads.score=quantiles", "heads.score.loss={_target_: keras.losses.Huber}"],
        "heads.score.loss._target_: this loss does not fit",
        ["allowed: pipeline.losses.Pinball"],
    ),
    (
        ["head@heads.class=ordinal", "heads.class.activation=softmax"],
        "heads.class.activation: this activation does not fit",
        ["allowed: null, linear"],
    ),
    (["heads.class.metrics=[mae]"], "heads.class.metrics.0: not a metric", ["found:   mae"]),
    (["heads.score.metrics=[coverage]"], "heads.score.metrics.0: not a metric", ["allowed: mae, rmse, r2"]),
    (
        ["+loss_weights.klass=2"],
        "loss_weights.klass: there is no such head",
        ["found:   klass", "allowed: class, score", "nearest: class"],
    ),
    (
        ["~heads.score"],
        "loss_weights.score: there is no such head (~loss_weights.score removes",
        ["allowed: class"],
    ),
    (
        ["+head@heads.scor=regression"],
        "heads.scor: this head has no target",
        ["found:   scor", "nearest: score"],
    ),
    (
        ["+branch@branches.imag=conv2d"],
        "branches.imag: this branch has no input",
        ["found:   imag", "nearest: image"],
    ),
    (
        ["heads.score.branch=imag"],
        "heads.score.branch: there is no such branch",
        ["found:   imag", "nearest: image"],
    ),
    (
        ["heads.score.branch=image", "heads.class.branch=image"],
        "heads: no head reads the fusion",
        ["branch: null"],
    ),
    (
        ["objective=best/val_clas_skill"],
        "objective: no metric of this name",
        ["nearest: best/val_class_skill"],
    ),
    (
        ["objective=[best/val_skill,best/val_f1]"],
        "objective: no metric of this name",
        ["found:   best/val_f1"],
    ),
    (["objective=train/skill"], "objective: no metric of this name", ["found:   train/skill"]),
    (
        ["trainer.early_stopping.monitor=val/los"],
        "trainer.early_stopping.monitor: no metric",
        ["nearest: val/loss"],
    ),
    (
        ["trainer.early_stopping.monitor=test/loss"],
        "trainer.early_stopping.monitor: no metric",
        ["found:   test/loss"],
    ),
    (
        ["schedule=plateau", "schedule.monitor=val/scor_loss"],
        "schedule.monitor: no metric",
        ["nearest: val/score_loss"],
    ),
    # weights
    (
        ["loss_weights.class=-1"],
        "loss_weights.class: ",
        ["found:   -1", "allowed: a finite number of at least 0"],
    ),
    (
        ["loss_weights.class={_target_:pipeline.loss_weights.Linear,start:1.0}"],
        "loss_weights.class.end: this key is missing",
        [],
    ),
    (["loss_weights.class=abc"], "loss_weights.class: ", ["found:   'abc'", "allowed: a finite number"]),
    (["loss_weights.class=inf"], "loss_weights.class: ", ["found:   inf"]),
    (["loss_weights.class=nan"], "loss_weights.class: ", ["found:   nan"]),
    (["loss_weights.class=true"], "loss_weights.class: ", ["found:   true"]),
    (
        ["loss_weights.class=0", "loss_weights.score=0"],
        "loss_weights: all weights are 0",
        ["allowed: at least one above 0"],
    ),
    # losses, activations, metrics
    (
        ["heads.class.activation=softmax"],
        "heads.class.activation: softmax would be applied twice",
        ["found:   softmax", "loss.from_logits=false"],
    ),
    (
        ["heads.class.activation=sigmoid"],
        "heads.class.activation: this activation does not fit",
        ["allowed: null, linear, softmax"],
    ),
    (
        ["heads.class.loss.from_logits=false"],
        "heads.class.activation: the loss takes probabilities",
        ["found:   null", "allowed: softmax"],
    ),
    (
        ["heads.score.activation=softmax"],
        "heads.score.activation: this activation does not fit",
        ["kind number"],
    ),
    (
        ["heads.class.loss._target_=keras.losses.MeanSquaredError"],
        "heads.class.loss._target_: this loss does not fit",
        ["kind category", "keras.losses.SparseCategoricalCrossentropy"],
    ),
    (
        ["heads.score.loss._target_=keras.losses.MeanSquareError"],
        "heads.score.loss._target_: Keras has no such name",
        ["nearest: keras.losses.MeanSquaredError"],
    ),
    (["heads.score.loss=mse"], "heads.score.loss: ", ["found:   'mse'", "a mapping with a _target_"]),
    (["~heads.score.loss"], "heads.score.loss: this key is missing", []),
    (
        ["heads.class.metrics=[acuracy]"],
        "heads.class.metrics.0: not a metric of a category head",
        ["found:   acuracy", "allowed: accuracy, f1, auc", "nearest: accuracy"],
    ),
    (
        ["heads.score.metrics=[mae,accuracy]"],
        "heads.score.metrics.1: not a metric of a number head",
        ["allowed: mae, rmse, r2"],
    ),
    (
        ["head@heads.score=multiclass"],
        "heads.score._target_: pipeline.heads.Multiclass does not take targets of kind number",
        ["kind category"],
    ),
    (
        ["branch@branches.series=conv2d"],
        "branches.series._target_: pipeline.branches.Conv2D does not take inputs of kind series",
        ["kind image"],
    ),
    # the trainer
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
    (["seed=abc"], "seed: ", ["found:   'abc'"]),
    (["seed=???"], "seed: this value must be given", ["found:   ???"]),
    (["seed=${sed}"], "seed: Interpolation key 'sed' not found", []),
    (["~fusion"], "fusion: this key is missing", []),
    # parts
    (["+branches.image.filter=3"], "branches.image.filter: there is no such key", ["nearest: filters"]),
    (
        ["branches.image.filters=32"],
        "branches.image.filters: ",
        ["found:   32", "a list, each entry a whole number"],
    ),
    (["branches.image.activation=3"], "branches.image.activation: ", ["allowed: a text, or null"]),
    (["~branches.image.filters"], "branches.image.filters: this key is missing", []),
    (["branches.image.dropout=half"], "branches.image.dropout: ", ["found:   'half'"]),
    (
        ["branches.image._target_=pipeline.branches.Conv2d"],
        "branches.image._target_: there is no such part",
        ["nearest: pipeline.branches.Conv2D"],
    ),
    (
        ["branches.image._target_=pipeline.branch.Conv2D"],
        "branches.image._target_: there is no such module",
        ["nearest: pipeline.branches"],
    ),
    (["+fusion.with=3"], "fusion.with: there is no such key", ["allowed: units, activation, dropout"]),
    (["+balancer.alpha=1"], "balancer.alpha: there is no such key", []),
    (["~fusion._target_"], "fusion: ", ["a mapping with a _target_"]),
    (["branches.image.filters=[32,0]"], "branches.image.filters: ", ["found:   [32, 0]", "at least 1"]),
    (["branches.image.dropout=1"], "branches.image.dropout: ", ["allowed: a number from 0 to below 1"]),
    (["branches.image.padding=sane"], "branches.image.padding: ", ["allowed: same, valid"]),
    (["branches.image.learning_rate=-1"], "branches.image.learning_rate: ", ["at least 0"]),
    (["optimizer.learning_rate=fast"], "optimizer.learning_rate: ", ["found:   'fast'", "a number above 0"]),
    (["~optimizer.learning_rate"], "optimizer.learning_rate: ", ["found:   null"]),
    (
        ["optimizer._target_=keras.optimizers.Adm"],
        "optimizer._target_: Keras has no such name",
        ["nearest: keras.optimizers.Adam"],
    ),
    # data
    (
        ["data.inputs.image.kind=picture"],
        "data.inputs.image.kind: there is no such kind of input",
        ["found:   picture", "allowed: image, series, vector, table, text"],
    ),
    (
        ["data.targets.score.kind=numbr"],
        "data.targets.score.kind: there is no such kind of target",
        ["nearest: number"],
    ),
    (
        ["data.inputs.image.column=kanjis.image"],
        "data.inputs.image.column: not a column of a source",
        ["nearest: kanji.<column>"],
    ),
    (
        ["+data.inputs.image.chanels=3"],
        "data.inputs.image.chanels: there is no such key",
        ["allowed: kind, column"],
    ),
    (["+data.inputs.image.scale=best"], "data.inputs.image.scale: ", ["allowed: auto, standard, none"]),
    (["+data.targets.score.scale=auto"], "data.targets.score.scale: ", ["allowed: standard, none"]),
    (["~data.targets.score.column"], "data.targets.score.column: this key is missing", []),
    (
        ["data=penguins", "~data.inputs.traits.numeric", "~data.inputs.traits.categorical"],
        "data.inputs.traits: a table without columns",
        [],
    ),
    (["data.inputs.image=3"], "data.inputs.image: ", ["allowed: a mapping"]),
    (["+data.target.x=3"], "data.target: there is no such key", ["nearest: targets"]),
    (["data.sources.kanji=3"], "data.sources.kanji: not a source", ["found:   3"]),
    (
        ["data.sources.kanji=nowhere/kanji.npz"],
        "data.sources.kanji: the file or folder does not exist",
        ["found:   nowhere/kanji.npz"],
    ),
    (["data.sources.kanji=[]"], "data.sources.kanji: ", ["found:   []"]),
    (["data.sources.kanji=*.nothing"], "data.sources.kanji: no file matches", []),
    (
        ["data.sources.kanji=pkg://pipeline.datasets/kanj.npz"],
        "data.sources.kanji: the file or folder does not exist",
        [],
    ),
    (
        ["data.sources.kanji=pkg://no_such_package/kanji.npz"],
        "data.sources.kanji: the package is not installed",
        ["no_such_package"],
    ),
    (
        ["data.split.column=kanjis.split"],
        "data.split.column: not a column of a source",
        ["nearest: kanji.<column>"],
    ),
    (["data.split.val=0"], "data.split: one value for two splits", ["found:"]),
    (["~data.split.test"], "data.split.test: this key is missing", []),
    (["data.split=half"], "data.split: ", ["found:   'half'"]),
    (["~data.split.column"], "data.split: not a form of split", ["allowed: column, time, fractions"]),
    (
        ["data=penguins", "data.split.fractions=[0.7,0.2,0.2]"],
        "data.split.fractions: ",
        ["found:   [0.7, 0.2, 0.2]", "add up to 1"],
    ),
    (["data=penguins", "data.split.fractions=[0.7,0.3]"], "data.split.fractions: ", ["three numbers"]),
    (["data=penguins", "data.split.fractions=[1.0,0.0,0.0]"], "data.split.fractions: ", ["above 0"]),
    (
        ["data=penguins", "data.split.stratify=specis"],
        "data.split.stratify: there is no such target",
        ["nearest: species"],
    ),
    (
        ["data=penguins", "+data.split.group=penguin.island"],
        "data.split.group: not a column",
        ["nearest: penguins.<column>"],
    ),
    (
        ["~data.split", "+data.split={time: kanji.split, fractions: [0.8, 0.1, 0.1], val: 1}"],
        "data.split: a split by time is cut in one way",
        ["found:   time, fractions, val"],
    ),
    (
        ["~data.split", "+data.split={time: kanji.split}"],
        "data.split: a split by time is cut in one way",
        ["allowed: fractions, or"],
    ),
    (
        ["data.targets.class.names=kanjis.x"],
        "data.targets.class.names: not a column",
        ["nearest: kanji.<column>"],
    ),
    # trust
    (
        ["optimizer._target_=os.system"],
        "optimizer._target_: this target may not be called",
        ["found:   os.system", "trusted_modules=[os]"],
    ),
    (
        ["optimizer._target_=keras.utils.get_file"],
        "optimizer._target_: this target may not be called",
        ["keras.optimizers.…"],
    ),
    (
        ["trainer.callbacks=[{_target_: mine.Callback}]"],
        "trainer.callbacks.0._target_: this target may not be called",
        ["trusted_modules=[mine]"],
    ),
    (["trusted_modules=[os]"], "trusted_modules: a config file cannot trust modules", ["found:   ['os']"]),
]


@pytest.mark.parametrize(
    ("overrides", "start", "parts"), FAULTS, ids=[" ".join(fault[0]) for fault in FAULTS]
)
def test_a_fault_is_named_with_its_key_what_was_found_and_what_is_allowed(refused, overrides, start, parts):
    message = refused(*overrides)
    assert message.startswith(start)
    for part in parts:
        assert part in message


RIGHT = [
    ["head@heads.class=ordinal", "heads.class.metrics=[accuracy,mae]"],
    ["head@heads.score=quantiles", "heads.score.quantiles=[0.05,0.5]", "objective=val/score_coverage"],
    ["fusion=film", "fusion.condition=series"],
    ["trainer.epochs=auto", "trainer.batch_size=auto", "trainer.early_stopping.patience=3"],
    ["~data.split", "+data.split={column: kanji.split, train: [0, 3], val: 1, test: 2}"],
    ["~data.split", "+data.split={time: kanji.split, fractions: [0.8, 0.1, 0.1]}"],
    ["~data.split", "+data.split={time: kanji.split, val: 1, test: 2}"],
    ["data=penguins", "experiment=penguins", "data.split.stratify=penguins.sex"],
    [
        "experiment=image_series",
        "heads.score.activation=sigmoid",
    ],  # unscaled: nothing is below 0 or above 1 by nature
    ["experiment=image_series", "heads.score.loss._target_=keras.losses.Poisson"],
    ["heads.class.activation=softmax", "heads.class.loss.from_logits=false"],
    [
        "heads.class.metrics=[accuracy,{_target_: keras.metrics.TopKCategoricalAccuracy, k: 3}]",
        "objective=best/val_class_top_k_categorical_accuracy",
    ],
    ["objective=[best/val_class_skill,test/score_mae,val/loss_unweighted,train/class_accuracy]"],
    ["~heads.score", "~loss_weights.score"],
    ["~loss_weights.score"],
    ["loss_weights.score=0"],
    ["trainer.gradient_clip=1", "trainer.threads=2", "trainer.early_stopping=null"],
    ["trainer.callbacks=[{_target_: keras.callbacks.TerminateOnNaN}]"],
    ["data=penguins", "experiment=penguins", "+data.split.group=penguins.island"],
    ["branches.image.learning_rate=0.1"],
    ["balancer._target_=pipeline.balancers.Static"],
]


@pytest.mark.parametrize("overrides", RIGHT, ids=" ".join)
def test_a_right_config_passes(composed, overrides):
    config.check(composed(*overrides))


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
}
TEXT = ["~data.inputs.series", "+data.inputs.series={kind: text, column: kanji.radical_names}"]
PLACES = {
    "augment/small": ["+augment@branches.image.augment=small"],
    "branch/resnet": ["branch@branches.image=resnet"],
    "branch/application": ["branch@branches.image=application"],
    "branch/lstm": ["branch@branches.series=lstm"],
    "branch/transformer": ["branch@branches.series=transformer"],
    "branch/text_bag": [*TEXT, "branch@branches.series=text_bag"],
    "branch/text_conv": [*TEXT, "branch@branches.series=text_conv"],
    "branch/text_transformer": [*TEXT, "branch@branches.series=text_transformer"],
    "head/ordinal": ["head@heads.class=ordinal"],
    "head/multiclass_focal": ["head@heads.class=multiclass_focal"],
    "head/quantiles": ["head@heads.score=quantiles"],
    "head/multilabel": [
        "head@heads.score=multilabel",
        "data.targets.score={kind: labels, column: kanji.n_strokes}",
    ],
    "branch/conv2d": ["branch@branches.image=conv2d"],
    "branch/conv1d": ["branch@branches.series=conv1d"],
    "branch/gru": ["branch@branches.series=gru"],
    "branch/dense": [
        "branch@branches.series=dense",
        "~data.inputs.series",
        "+data.inputs.series={kind: vector, column: kanji.length}",
    ],
    "branch/table": ["experiment=penguins", "branch@branches.traits=table"],
    "head/multiclass": ["head@heads.class=multiclass"],
    "head/regression": ["head@heads.score=regression"],
    "head/binary": ["head@heads.score=binary", "data.targets.score={kind: binary, column: kanji.n_strokes}"],
}
OPTIONS = sorted(
    str(file.relative_to(config.CONF).with_suffix(""))
    for file in config.CONF.rglob("*.yaml")
    if "hydra" not in file.parts and file.parent != config.CONF
)


def test_there_are_many_options():
    assert len(OPTIONS) >= 40


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_and_passes(composed, option):
    group, _, name = option.rpartition("/")
    overrides = PLACES.get(option) or [*CONTEXT.get(option, []), f"{group}={name}"]
    config.check(config.expand(composed(*overrides)))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_says_in_its_first_lines_what_it_is(option):
    lines = (config.CONF / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines[:2] if line.startswith("# ") and "@package" not in line]
    assert comments, f"{option} opens without a comment"


def test_a_relative_file_is_looked_for_in_every_folder(composed, refused, tmp_path):
    (tmp_path / "mine.npz").touch()
    config.check(composed("data.sources.kanji=mine.npz"), folders=[Path("nowhere"), tmp_path])
    message = refused("data.sources.kanji=min.npz", folders=[tmp_path])
    assert f"looked in {tmp_path}" in message
    assert "nearest: mine.npz" in message


def test_an_experiment_may_set_the_values_at_the_top(composed, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\nobjective: val/loss\n")
    cfg = composed(f"hydra.searchpath=[file://{tmp_path}]", "experiment=mine")
    assert (cfg.seed, cfg.objective) == (7, "val/loss")


def test_only_the_command_line_widens_trust(composed):
    overrides = ["trusted_modules=[mine]", "optimizer._target_=mine.Optimizer"]
    config.check(composed(*overrides), overrides=overrides)


def test_trusted_modules_are_read_from_the_last_override_that_names_them():
    assert config.trusted(["seed=1", "loss_weights.class=2"]) == []
    assert config.trusted(["trusted_modules=[a]", "++trusted_modules=[b,c.d]", "-m"]) == ["b", "c.d"]


@pytest.mark.parametrize("value", ["mine", "[", "[a-b]", "[mine.*]", "[a,,b]"])
def test_trusted_modules_must_be_a_list_of_module_names(value):
    with pytest.raises(ConfigError, match="not a list of module names"):
        config.trusted([f"trusted_modules={value}"])


def test_hydra_may_call_what_the_check_lets_pass(composed):
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    allowed = config.whitelist()
    cfg = composed("optimizer=adamw", "+schedules={_target_: keras.optimizers.schedules.CosineDecay}")
    for key, target in find_targets(OmegaConf.to_container(cfg)):
        if target.startswith("keras.losses") or key == "optimizer._target_":
            instantiate(OmegaConf.select(cfg, key.removesuffix("._target_")), _execution_whitelist_=allowed)
    for target in (
        "os.getcwd",
        "pipeline.tracking.writing.os.getcwd",
        "keras.losses.deserialize.__globals__",
    ):
        with pytest.raises(InstantiationException):
            instantiate({"_target_": target}, _execution_whitelist_=allowed)
    assert instantiate(
        {"_target_": "os.getcwd"}, _execution_whitelist_=[*config.whitelist(["os"]), "posix.*"]
    )


def test_every_pattern_of_the_whitelist_ends_with_a_star():
    assert {f"{name}.*" for name in CALLABLE} | {"mine.*"} <= set(config.whitelist(["mine"]))
    assert all(pattern.endswith(".*") for pattern in config.whitelist(["mine"]))


def test_arguments_of_a_part_are_read_from_its_source():
    required, optional = arguments("pipeline.branches.Conv1D", "key")
    assert set(required) == {"filters"}
    assert {"kernel_size", "dropout", "dropout_input", "learning_rate"} <= set(optional)


def test_metric_words_are_those_that_are_computed():
    from pipeline import metrics

    source = Path(metrics.__file__).read_text(encoding="utf-8")
    for head in ("Multiclass", "Ordinal", "Binary", "Multilabel", "Regression", "Quantiles"):
        words = constants(f"pipeline.heads.{head}")["metric_words"]
        assert words
        assert all(f'"{word}"' in source for word in words)


def test_what_a_part_goes_with_is_read_from_its_class_and_those_it_inherits_from():
    from pipeline import branches, heads

    for module, package in ((heads, "heads"), (branches, "branches")):
        for name, part in vars(module).items():
            if isinstance(part, type) and part.__module__.startswith(f"pipeline.{package}"):
                for constant, value in constants(f"pipeline.{package}.{name}").items():
                    assert value == getattr(part, constant)
    assert constants("pipeline.branches.GRU")["kinds"] == ("series",)
    assert constants("pipeline.heads.Ordinal")["kinds"] == ("category",)
    assert constants("my_package.Head") == {}


def test_a_keras_metric_goes_by_the_name_it_gives_itself():
    import keras

    for name in ("TopKCategoricalAccuracy", "AUC", "MeanAbsoluteError", "F1Score", "R2Score"):
        own = getattr(keras.metrics, name)().name
        assert (
            metric_word({"_target_": f"keras.metrics.{name}"}) == own.rstrip("_0123456789")
            or metric_word({"_target_": f"keras.metrics.{name}"}) == own
        )
    assert metric_word({"_target_": "keras.metrics.AUC", "name": "area"}) == "area"


def test_metric_names_are_those_of_the_contract():
    names = metric_names({"class": {"metrics": ["accuracy"]}}, ("val/", "train/"))
    assert names == [
        "val/loss",
        "val/loss_unweighted",
        "val/skill",
        "val/class_loss",
        "val/class_skill",
        "val/class_accuracy",
        "train/loss",
        "train/loss_unweighted",
        "train/class_loss",
        "train/class_accuracy",
    ]


def test_leaves_are_dotted_and_lists_are_text():
    cfg = OmegaConf.create({"a": {"b": 1, "c": None, "d": [1, "x"]}, "e": "${a.b}", "f": {}, "g": True})
    assert config.flatten(cfg) == {"a.b": 1, "a.c": None, "a.d": "[1, 'x']", "e": 1, "g": True}


def test_leaves_of_a_composed_config_have_names_that_mlflow_takes(composed):
    leaves = config.flatten(composed())
    assert leaves["loss_weights.class"] == 1.0
    assert leaves["optimizer.learning_rate"] == 0.001
    assert all(name.replace(".", "").replace("_", "").isalnum() for name in leaves)
    assert all(value is None or isinstance(value, str | int | float) for value in leaves.values())
    assert not any(isinstance(value, float) and math.isnan(value) for value in leaves.values())


def test_choices_go_by_the_place_of_the_part():
    found = {
        "data": "kanji",
        "branch@branches.image": "conv2d",
        "experiment": None,
        "hydra/launcher": "basic",
    }
    assert config.choices(found) == {"data": "kanji", "branches.image": "conv2d"}


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "defaults"),
        (["loss_weights.class=2.0", "optimizer=adam"], "class=2.0 adam"),
        (["seed=3", "data=emoji"], "seed=3 emoji"),
        (["branch@branches.series=gru"], "series=gru"),
        (["+branch@branches.photo=conv2d", "~branches.image"], "photo=conv2d no image"),
        (["heads.class.units=[8]", "heads.score.units=[4]"], "class.units=[8] score.units=[4]"),
        (
            ["tracking.experiment=x", "hydra/launcher=joblib", "trusted_modules=[a]", "objective=val/loss"],
            "defaults",
        ),
        (["optimizer=sgd", "+optimizer.nesterov=true"], "sgd nesterov=true"),
    ],
)
def test_a_run_is_named_by_what_it_changes(overrides, name):
    assert config.run_name(overrides) == name


def test_there_are_no_overrides_outside_a_command():
    assert config.overrides() == []


def test_folders_begin_with_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.folders() == [tmp_path]


def test_conf_is_found_beside_the_package_of_a_checkout():
    assert config.CONF == ROOT / "conf"


def test_a_wheel_carries_the_configs_and_runs_from_any_folder(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    assert all((tmp_path / "installed/pipeline/conf" / f"{option}.yaml").is_file() for option in OPTIONS)
    code = "from pipeline import config; print(config.CONF)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "installed/pipeline/conf")


@pytest.mark.parametrize("path", sorted((config.CONF / "branch").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_branch_can_be_slowed_and_dropped_without_a_plus(path):
    node = OmegaConf.load(path)
    assert (node["dropout_input"], node["learning_rate"]) == (0.0, 1.0)
    assert "dropout" in node
