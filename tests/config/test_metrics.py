from pipeline import config
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
