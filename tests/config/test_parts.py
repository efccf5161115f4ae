from pathlib import Path

from pipeline import config
from pipeline.config.definitions import constants
from pipeline.config.parts import arguments
from tests.config.cases import right_configs, wrong_configs

BINARY = ["head@heads.score=binary", "data.targets.score={kind: binary, column: kanji.n_strokes}"]


@wrong_configs(
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
        ["found:   'no.h5'", "an existing file"],
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
        "branches.series.width: the attention heads cannot share this evenly",
        ["found:   30", "a multiple of attention_heads=4"],
    ),
    (
        ["fusion=attention", "fusion.width=6"],
        "fusion.width: the attention heads cannot share this evenly",
        ["found:   6"],
    ),
    *(
        (
            [*BINARY, f"heads.score.threshold={value}"],
            "heads.score.threshold: ",
            ["recall: <above 0, at most 1>"],
        )
        for value in ("f2", "1", "{recall: 1.1}", "{cost: 0}", "{recall: 0.9, cost: 2}", "true")
    ),
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
        ["loss_weights.class={_target_:pipeline.loss_weights.Linear,start:1.0}"],
        "loss_weights.class.end: this key is missing",
        [],
    ),
    (
        ["heads.score.loss._target_=keras.losses.MeanSquareError"],
        "heads.score.loss._target_: this is no part that a config may call",
        ["nearest: keras.losses.MeanSquaredError"],
    ),
    (["~heads.score.loss"], "heads.score.loss: this key is missing", []),
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
        "branches.image._target_: this is no part that a config may call",
        ["nearest: pipeline.branches.Conv2D"],
    ),
    (
        ["branches.image._target_=pipeline.branch.Conv2D"],
        "branches.image._target_: this is no part that a config may call",
        ["nearest: pipeline.branches.Conv2D"],
    ),
    (["+fusion.with=3"], "fusion.with: there is no such key", ["allowed: units, activation, dropout"]),
    (["+balancer.alpha=1"], "balancer.alpha: there is no such key", []),
    (["branches.image.filters=[32,0]"], "branches.image.filters: ", ["found:   [32, 0]", "at least 1"]),
    (["branches.image.dropout=1"], "branches.image.dropout: ", ["allowed: a number from 0 to below 1"]),
    (["branches.image.padding=sane"], "branches.image.padding: ", ["allowed: same, valid"]),
    (["branches.image.learning_rate=-1"], "branches.image.learning_rate: ", ["at least 0"]),
    (
        ["optimizer._target_=keras.optimizers.Adm"],
        "optimizer._target_: this is no part that a config may call",
        ["nearest: keras.optimizers.Adam"],
    ),
)
def test_a_part_with_a_wrong_key_or_value_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    ["head@heads.score=quantiles", "heads.score.quantiles=[0.05,0.5]", "objective=val/score_coverage"],
    ["branches.image.learning_rate=0.1"],
    ["balancer._target_=pipeline.balancers.Static"],
)
def test_a_part_with_right_values_passes(compose, overrides):
    config.check(compose(*overrides))


def test_the_arguments_of_a_part_are_read_from_its_source():
    required, optional = arguments("pipeline.branches.Conv1D", "key")
    assert set(required) == {"filters"}
    assert {"kernel_size", "dropout", "dropout_input", "learning_rate"} <= set(optional)


def test_every_metric_word_of_a_head_is_computed():
    from pipeline import metrics

    source = Path(metrics.__file__).read_text(encoding="utf-8")
    for head in ("Multiclass", "Ordinal", "Binary", "Multilabel", "Regression", "Quantiles"):
        words = constants(f"pipeline.heads.{head}")["metric_words"]
        assert words
        assert all(f'"{word}"' in source for word in words)
