"""Metric names are composed and taken apart, also where one head's name begins with another's."""

import pytest

from pipeline.metric_names import (
    Scores,
    base_name,
    by_head,
    direction,
    metric_names,
    metric_word,
    name_of,
    owner,
    place,
    short,
    sign,
    skill_of,
    skilled_heads,
)

HEADS = ["a", "a_b"]


def test_heads_whose_names_begin_alike_keep_their_metrics_apart():
    numbers = {"val/a_loss": 1.0, "val/a_b_loss": 2.0, "val/loss": 3.0, "test/a_loss": 4.0}
    assert by_head(numbers, "val", HEADS) == {"a": {"loss": 1.0}, "a_b": {"loss": 2.0}}
    assert owner("a_b_loss", HEADS) == "a_b"
    assert owner("a_b_loss", ["a"]) == "a"
    assert owner("loss", HEADS) is None


def test_what_was_composed_is_taken_apart_again():
    scores = Scores({"loss": 0.1}, {"a": {"loss": 0.2, "accuracy": 0.3}, "a_b": {"accuracy": 0.4}})
    names = scores.named("val")
    assert by_head(names, "val", HEADS) == scores.heads
    assert names[name_of("val", None, "loss")] == 0.1
    assert names[name_of("val", "a_b", "accuracy")] == 0.4


def test_a_history_can_be_taken_apart_as_well():
    assert by_head({"val/a_b_loss": [1.0, 0.5]}, "val", HEADS) == {"a": {}, "a_b": {"loss": [1.0, 0.5]}}


def test_heads_are_known_by_their_skills():
    assert (
        skilled_heads([skill_of("a_b"), skill_of("a"), skill_of(), "best/val_a_loss", "val/a_skill"]) == HEADS
    )


@pytest.mark.parametrize(
    ("metric", "title", "base", "better"),
    [
        ("best/val_class_skill", "class skill (val)", "val_class_skill", 1),
        ("best/val_score_mae", "score mae (val)", "val_score_mae", -1),
        ("best/val_skill", "skill (val)", "val_skill", 1),
        ("test/loss", "loss (test)", "loss", -1),
    ],
)
def test_titles_file_names_and_directions(metric, title, base, better):
    assert short(metric) == title
    assert base_name(metric) == base
    assert sign(metric) == better


def test_losses_and_errors_are_better_when_smaller_and_all_others_when_larger():
    for metric in ("val/loss", "val/class_loss", "val/loss_unweighted", "val/score_mae", "test/score_rmse"):
        assert direction(metric) == "min"
    for metric in (
        "val/skill",
        "val/class_accuracy",
        "val/class_auc",
        "val/score_r2",
        "best/val_class_skill",
    ):
        assert direction(metric) == "max"


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
        "val/skill_floored",
        "val/class_loss",
        "val/class_skill",
        "val/class_accuracy",
        "train/loss",
        "train/loss_unweighted",
        "train/class_loss",
        "train/class_accuracy",
    ]


def test_the_skill_comes_first_and_the_flow_last():
    names = ["flow/a_to_x", "best/val_skill", "test/loss", "train/a_loss", "val/loss", "val/skill"]
    assert sorted(names, key=place) == [
        "val/skill",
        "val/loss",
        "train/a_loss",
        "test/loss",
        "best/val_skill",
        "flow/a_to_x",
    ]
