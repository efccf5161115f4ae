"""What a training says about its end."""

from pipeline.job.ending import best_epochs, ending
from pipeline.training.fit import FitResult
from pipeline.training.head_progress import HeadProgress
from pipeline.training.refit import Refit

SKILLS = {"val/class_skill": [0.1, 0.2, 0.3, 0.25], "val/grade_skill": [0.2, 0.31, 0.27, 0.2]}
HEADS = HeadProgress(2, {"class": 3, "grade": 2}, {"class": 1.0, "grade": 1.0}, {"grade": 4})


def fitted(**changes):
    fields = {
        "history": SKILLS,
        "best_epoch": 3,
        "best": {},
        "heads": HEADS,
        "monitor": "val/skill_floored",
        "limit": 9,
    }
    return FitResult(**{**fields, **changes})


def test_it_says_which_epoch_was_kept_and_why_training_stopped():
    assert ending(fitted())[0] == (
        "kept epoch 3 of 4 (best val/skill_floored); stopped before epoch 9: no better epoch among the last 1"
    )


def test_it_says_so_if_no_head_improved_any_more():
    released = HeadProgress(1, {"class": 3, "grade": 2}, {}, {"class": 4, "grade": 4})
    assert ending(fitted(heads=released))[0].endswith("stopped before epoch 9: no head improved any more")


def test_a_full_training_has_no_reason_to_stop():
    assert ending(fitted(limit=4))[0] == "kept epoch 3 of 4 (best val/skill_floored)"
    assert ending(fitted(limit=4, best_epoch=4, monitor=None))[0] == "kept epoch 4 of 4 (the last)"


def test_a_head_that_was_better_in_another_epoch_is_named_with_what_it_lost():
    assert ending(fitted())[1:] == [
        "grade was best at epoch 2 (val skill 0.310, in the kept epoch 0.270); not trained after epoch 4"
    ]


def test_what_a_refit_changed_is_said():
    refits = {"grade": Refit(steps=120, before=0.8, after=0.75)}
    after = {"val/grade_skill": 0.31}
    assert ending(fitted(refits=refits, best=after))[1:] == [
        "grade: its own layers were trained on for 120 steps (val loss 0.800 -> 0.750)"
    ]


def test_a_small_loss_is_not_mentioned():
    skills = {**SKILLS, "val/grade_skill": [0.2, 0.271, 0.27, 0.2]}
    assert ending(fitted(history=skills))[1:] == []


def test_every_heads_best_epoch_is_a_metric():
    assert best_epochs(fitted()) == {"best/class_epoch": 3.0, "best/grade_epoch": 2.0}
