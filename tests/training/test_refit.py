"""Training the heads' own layers on, after the training."""

import numpy as np
import pytest

from pipeline.data.feed import Rows, weight_key
from pipeline.training import refit
from pipeline.training.refit import refit_heads
from tests.small_trainer import CODES, INPUTS, LABELS, ROWS, make_trainer

HEADS = ["class", "score"]


def rows_of(labels=LABELS):
    """The same rows for training and validation, so that the loss can only fall; each of them twice."""
    twice = np.tile(np.arange(ROWS), 2)
    rows = Rows.of(INPUTS, labels).take(twice)
    return {"train": rows, "val": rows}


def refitted(labels=LABELS, heads=HEADS, **options):
    trainer = make_trainer(complete=False, **options)
    before = {variable.path: variable.numpy() for variable in trainer.model.weights}
    found = refit_heads(trainer.model, trainer.losses, rows_of(labels), heads)
    changed = [v.path for v in trainer.model.weights if not np.array_equal(v.numpy(), before[v.path])]
    return trainer, found, changed


def test_only_the_heads_own_layers_change_and_their_validation_loss_falls():
    trainer, found, changed = refitted()
    assert sorted(changed) == [f"{head}_output/{word}" for head in HEADS for word in ("bias", "kernel")]
    validated = trainer.evaluate(rows_of()["val"])
    for head in HEADS:
        assert found[head].steps > 0
        assert found[head].after < found[head].before
        assert validated.losses[head] == pytest.approx(found[head].after, rel=1e-5)


def test_a_head_that_reads_a_branch_is_refitted_on_its_features():
    trainer, found, changed = refitted(reads={"class": "series"})
    assert "class_output/kernel" in changed
    assert trainer.evaluate(rows_of()["val"]).losses["class"] == pytest.approx(found["class"].after, rel=1e-5)


def test_heads_that_are_not_named_or_have_few_validation_labels_are_left_as_they_are():
    few = np.where(np.arange(ROWS) < 26, -1, CODES).astype("int32")
    _, found, changed = refitted({**LABELS, "class": few})
    assert list(found) == ["score"]
    assert sorted(changed) == ["score_output/bias", "score_output/kernel"]
    assert refitted(heads=[])[1:] == ({}, [])


def test_too_many_features_are_not_refitted(monkeypatch):
    monkeypatch.setattr(refit, "MOST_CELLS", 2 * ROWS)
    assert refitted()[1:] == ({}, [])


def test_the_weights_with_the_lowest_validation_loss_are_kept():
    trainer = make_trainer()
    opposite = {**LABELS, "score": -LABELS["score"]}
    rows = {"train": rows_of(opposite)["train"], "val": rows_of()["val"]}
    while found := refit_heads(trainer.model, trainer.losses, rows, ["score"]):
        lowest = found["score"].after
        assert trainer.evaluate(rows["val"]).losses["score"] == pytest.approx(lowest, rel=1e-5)
    weights = trainer.model.get_weights()
    assert refit_heads(trainer.model, trainer.losses, rows, ["score"]) == {}
    for now, before in zip(trainer.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, before)


def test_row_weights_count_in_training_only():
    weights = {weight_key("score"): np.zeros(ROWS, "float32")}
    assert "score" not in refitted({**LABELS, **weights})[1]


def test_it_does_the_same_every_time():
    first, second = (refitted()[0].model.get_weights() for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
