from pipeline import config
from tests.config.cases import right_configs, wrong_configs


@wrong_configs(
    (
        ["fusion=film", "fusion.condition=serie"],
        "fusion.condition: there is no such branch",
        ["found:   serie", "nearest: series"],
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
    (["heads.class.metrics=[mae]"], "heads.class.metrics.0: a", ["found:   mae"]),
    (["heads.score.metrics=[coverage]"], "heads.score.metrics.0: a", ["allowed: mae, rmse, r2"]),
    (
        ["+loss_weights.klass=2"],
        "loss_weights.klass: there is no such head",
        ["found:   klass", "allowed: class, score", "nearest: class"],
    ),
    (
        ["~heads.score"],
        "loss_weights.score: there is no such head; ~loss_weights.score removes",
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
        ["loss_weights.class=-1"],
        "loss_weights.class: ",
        ["found:   -1", "allowed: a finite number of at least 0"],
    ),
    (["loss_weights.class=1e300"], "loss_weights.class: ", ["found:   1e+300", "up to 3.4e+38"]),
    (["loss_weights.class=abc"], "loss_weights.class: ", ["found:   'abc'", "allowed: a finite number"]),
    (["loss_weights.class=inf"], "loss_weights.class: ", ["found:   inf"]),
    (["loss_weights.class=nan"], "loss_weights.class: ", ["found:   nan"]),
    (["loss_weights.class=true"], "loss_weights.class: ", ["found:   true"]),
    (
        ["loss_weights.class=0", "loss_weights.score=0"],
        "loss_weights: all weights are 0",
        ["allowed: at least one weight above 0"],
    ),
    (
        ["loss_weights=class_later", "loss_weights.class.start=-1"],
        "loss_weights.class.start: ",
        ["found:   -1", "allowed: a finite number of at least 0"],
    ),
    (
        ["loss_weights=class_later", "loss_weights.class.epochs=1"],
        "loss_weights.class.epochs: ",
        ["found:   1", "allowed: a whole number of at least 2"],
    ),
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
    (["heads.score.loss=mse"], "heads.score.loss: ", ["found:   'mse'", "a mapping with a _target_"]),
    (
        ["heads.class.metrics=[acuracy]"],
        "heads.class.metrics.0: a category head has no such metric",
        ["found:   acuracy", "allowed: accuracy, f1, auc", "nearest: accuracy"],
    ),
    (
        ["heads.score.metrics=[mae,accuracy]"],
        "heads.score.metrics.1: a number head has no such metric",
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
)
def test_branches_heads_and_weights_that_do_not_fit_are_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    ["head@heads.class=ordinal", "heads.class.metrics=[accuracy,mae]"],
    ["fusion=film", "fusion.condition=series"],
    [
        "experiment=image_series",
        "heads.score.activation=sigmoid",
    ],
    ["experiment=image_series", "heads.score.loss._target_=keras.losses.Poisson"],
    ["heads.class.activation=softmax", "heads.class.loss.from_logits=false"],
    ["~heads.score", "~loss_weights.score"],
    ["~loss_weights.score"],
    ["loss_weights.score=0"],
)
def test_branches_heads_and_weights_that_fit_pass(compose, overrides):
    config.check(compose(*overrides))
