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
        "stopped after epoch 4 of 9: validation had not improved for 1 epoch; kept epoch 3"
    )
    assert (
        "9: val/class_f1 had not improved for 2 epochs;"
        in ending(fitted(best_epoch=2, monitor="val/class_f1"))[0]
    )


def test_it_says_so_if_no_head_improved_any_more():
    released = HeadProgress(1, {"class": 3, "grade": 2}, {}, {"class": 4, "grade": 4})
    assert ending(fitted(heads=released))[0] == (
        "stopped after epoch 4 of 9: no head improved any more; kept epoch 3"
    )


def test_a_full_training_has_no_reason_to_stop():
    assert ending(fitted(limit=4))[0] == "trained all 4 epochs; kept epoch 3, the best"
    assert (
        ending(fitted(limit=4, best_epoch=4, monitor=None))[0]
        == "trained all 4 epochs; kept epoch 4, the last"
    )
    by_loss = fitted(limit=4, monitor="val/loss")
    assert ending(by_loss)[0] == "trained all 4 epochs; kept epoch 3, the best by val/loss"


def test_a_head_that_was_better_in_another_epoch_is_named_with_what_it_lost():
    assert ending(fitted())[1:] == [
        "head grade was best in epoch 2: validation skill 0.310, and 0.270 in the kept epoch; "
        "not trained after epoch 4"
    ]


def test_what_a_refit_changed_is_said():
    refits = {"grade": Refit(steps=120, before=0.8, after=0.75)}
    after = {"val/grade_skill": 0.31}
    assert ending(fitted(refits=refits, best=after))[1:] == [
        "head grade: its own layers were trained on for 120 steps (validation loss 0.800 -> 0.750)"
    ]
    moved = {"grade": Refit(steps=0, before=0.8, after=0.75, share=0.8)}
    assert ending(fitted(refits=moved, best=after))[1:] == [
        "head grade: its outputs were moved 20 % of the way to the best constant "
        "(validation loss 0.800 -> 0.750)"
    ]


def test_a_small_loss_is_not_mentioned():
    skills = {**SKILLS, "val/grade_skill": [0.2, 0.271, 0.27, 0.2]}
    assert ending(fitted(history=skills))[1:] == []


def test_every_heads_best_epoch_is_a_metric():
    assert best_epochs(fitted()) == {"best/class_epoch": 3.0, "best/grade_epoch": 2.0}
