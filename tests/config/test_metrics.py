import pytest

from pipeline import config
from pipeline.config.metrics import check_flow_names, check_metric_names
from pipeline.errors import ConfigError
from tests.config.cases import right_configs, wrong_configs


@wrong_configs(
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
    (
        [
            "heads.class.metrics=[{_target_: keras.metrics.TopKCategoricalAccuracy, name: top5}]",
            "trainer.early_stopping.monitor=val/class_top5",
        ],
        "trainer.early_stopping.monitor: it is not known whether larger or smaller",
        ["found:   val/class_top5"],
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
)
def test_a_watched_metric_that_is_not_logged_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    [
        "heads.class.metrics=[accuracy,{_target_: keras.metrics.TopKCategoricalAccuracy, k: 3}]",
        "objective=best/val_class_top_k_categorical_accuracy",
    ],
    ["objective=[best/val_class_skill,test/score_mae,val/loss_unweighted,train/class_accuracy]"],
)
def test_a_watched_metric_that_is_logged_passes(compose, overrides):
    config.check(compose(*overrides))


def heads(**metrics: list) -> dict:
    return {"heads": {name: {"metrics": words} for name, words in metrics.items()}}


def keras_metric(name: str) -> dict:
    return {"_target_": "keras.metrics.AUC", "name": name}


@pytest.mark.parametrize(
    ("config", "message", "parts"),
    [
        (
            heads(a=["auc", keras_metric("b_loss")], a_b=[]),
            "heads.a.metrics.1: the name a_b_loss also means the metric loss of head a_b",
            ["found:   b_loss", "another name of the metric, or rename head a or head a_b"],
        ),
        (
            heads(a_b=[], a=[{"_target_": "keras.metrics.TopKCategoricalAccuracy"}], a_top=[]),
            "heads.a.metrics.0: the name a_top_k_categorical_accuracy also means the metric "
            "k_categorical_accuracy of head a_top",
            ["found:   top_k_categorical_accuracy"],
        ),
        (
            heads(loss=[keras_metric("unweighted")]),
            "heads.loss.metrics.0: the name loss_unweighted also means a metric of all heads",
            ["another name of the metric, or rename head loss"],
        ),
        (
            heads(a=["auc", keras_metric("auc")]),
            "heads.a.metrics.1: the head has two metrics with the name a_auc",
            ["found:   auc"],
        ),
        (heads(a=[keras_metric("skill")]), "heads.a.metrics.0: the head has two metrics", []),
    ],
)
def test_a_metric_whose_name_means_something_else_too_is_refused(config, message, parts):
    with pytest.raises(ConfigError) as caught:
        check_metric_names(config)
    assert str(caught.value).startswith(message)
    assert all(part in str(caught.value) for part in parts)


def test_heads_whose_names_begin_alike_pass_if_their_metrics_can_be_told_apart():
    check_metric_names(heads(a=["auc", keras_metric("c_loss")], a_b=["auc"], a_b_c=[keras_metric("b")]))


@pytest.mark.parametrize(
    ("heads", "branches", "name", "found"),
    [
        (["a", "b_c", "a_b", "c"], ["x"], "flow/cos_a_b_c", "heads a and b_c; heads a_b and c"),
        (["a"], ["x", "x_raw"], "flow/a_to_x_raw", "head a and branch x; head a and branch x_raw"),
        (["a", "a_to_b"], ["b_to_c", "c"], "flow/a_to_b_to_c", "head a and branch b_to_c; head a_to_b and"),
    ],
)
def test_two_gradient_metrics_with_the_same_name_are_refused(heads, branches, name, found):
    with pytest.raises(ConfigError) as caught:
        check_flow_names({"heads": dict.fromkeys(heads), "branches": dict.fromkeys(branches)})
    assert str(caught.value).startswith(f"heads: the metric name {name} has two meanings")
    assert found in str(caught.value)
    assert "rename one of these heads or branches" in str(caught.value)


def test_heads_and_branches_whose_gradient_metrics_differ_pass():
    check_flow_names({"heads": dict.fromkeys(["a", "b", "a_b"]), "branches": dict.fromkeys(["x", "x_y"])})


def test_names_that_collide_are_found_in_a_whole_config(error_message):
    metric = "{_target_: keras.metrics.AUC, name: strokes_loss}"
    message = error_message(
        "+data.targets.class_strokes=${data.targets.score}",
        "+heads.class_strokes=${heads.score}",
        f"heads.class.metrics=[{metric}]",
    )
    assert message.startswith("heads.class.metrics.0: the name class_strokes_loss also means")
