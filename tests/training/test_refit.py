"""Training the heads' own layers on, after the training."""

import numpy as np
import pytest

from pipeline.data.feed import Rows, weight_key
from pipeline.model.layer_names import head_layer
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


def shrunk(labels, heads=HEADS, constants=None):
    """Refit with validation labels of their own."""
    trainer = make_trainer(complete=False)
    rows = {"train": rows_of()["train"], "val": rows_of(labels)["val"]}
    before = trainer.evaluate(rows["val"])
    constants = constants or {"class": np.arange(5.0, dtype="float32"), "score": np.float32([0.3])}
    found = refit_heads(trainer.model, trainer.losses, rows, heads, constants)
    return before, trainer.evaluate(rows["val"]), found


def test_a_head_that_only_knows_noise_ends_as_the_best_constant(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    _, after, found = shrunk({**LABELS, "score": np.full_like(LABELS["score"], 0.3)}, ["score"])
    assert found["score"].share == 0
    assert (
        found["score"].after == pytest.approx(after.losses["score"], abs=1e-6) == pytest.approx(0, abs=1e-6)
    )
    np.testing.assert_allclose(after.outputs["score"], 0.3, rtol=1e-6)


def test_outputs_keep_the_share_of_their_distance_with_the_lowest_validation_loss(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    outputs = shrunk(LABELS)[0].outputs["score"]
    half = 0.3 + 0.5 * (outputs[:ROWS] - 0.3)
    before, after, found = shrunk({**LABELS, "score": half.astype("float32")}, ["score"])
    assert found["score"].share == pytest.approx(0.5)
    assert found["score"].steps == 0
    moved = 0.3 + 0.5 * (before.outputs["score"] - 0.3)
    np.testing.assert_allclose(after.outputs["score"], moved, atol=1e-6)


def test_outputs_that_say_too_little_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    outputs = shrunk(LABELS)[0].outputs["score"]
    twice = 0.3 + 2 * (outputs[:ROWS] - 0.3)
    assert shrunk({**LABELS, "score": twice.astype("float32")}, ["score"])[2] == {}


def test_logits_of_classes_are_moved_too(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    constant = np.float32([9, 0, 0, 0, 0])
    labels = {**LABELS, "class": np.zeros_like(CODES)}
    before, after, found = shrunk(labels, ["class"], {"class": constant})
    assert (found["class"].share, found["class"].towards) == (0, "the best constant")
    assert after.losses["class"] == pytest.approx(found["class"].after, rel=1e-5)
    assert after.losses["class"] < before.losses["class"]


def test_classes_are_moved_towards_even_odds_if_that_is_as_good(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    trainer = make_trainer(complete=False)
    last = trainer.model.get_layer(head_layer("class")).layers[-1]
    last.kernel.assign(20 * last.kernel)  # overconfident
    likely = trainer.evaluate(rows_of()["val"]).outputs["class"][:ROWS].argmax(axis=1)
    codes = np.where(np.arange(ROWS) % 3, likely, CODES).astype("int32")
    rows = rows_of({**LABELS, "class": codes})
    constant = np.float32([0.01, 0, 0, 0, 0])
    before = trainer.evaluate(rows["val"]).outputs["class"]
    found = refit_heads(trainer.model, trainer.losses, rows, ["class"], {"class": constant})["class"]
    assert found.towards == "even odds"
    assert 0 < found.share < 1
    after = trainer.evaluate(rows["val"]).outputs["class"]
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))


def test_a_loss_of_numbers_that_falls_by_less_than_its_standard_error_is_noise(monkeypatch):
    monkeypatch.setattr(refit, "STEPS", 0)
    outputs = shrunk(LABELS)[0].outputs["score"][:ROWS]
    score = outputs.copy()
    score[0] -= 40 * (outputs[0] - 0.3)  # one row alone says that outputs are too far away
    assert shrunk({**LABELS, "score": score.astype("float32")}, ["score"])[2] == {}
