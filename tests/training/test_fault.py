"""Steps whose loss or gradient is not finite: no update, the batch and the part are named."""

import keras
import numpy as np
import pytest

from pipeline.training.epoch import NotFiniteError
from pipeline.training.fault import Fault
from pipeline.training.trainer import Rows
from tests.small_trainer import INPUTS, LABELS, ROWS, make_trainer

ONES = np.ones(2, "float32")
BAD_ROW = 70  # in the third of four batches


def rows(value=np.inf):
    """The rows of the small trainer; one label makes the loss of `score` infinite."""
    scores = LABELS["score"].copy()
    scores[BAD_ROW] = value
    return Rows.of(INPUTS, {**LABELS, "score": scores})


def weights_after(trainer, batches):
    trainer.train(rows(0.0), np.arange(32 * batches), ONES)
    return trainer.model.get_weights()


@pytest.mark.parametrize(
    "options", [{}, {"average": 0.9}, pytest.param({"jit": True}, marks=pytest.mark.slow), {"dropout": 0.3}]
)
def test_the_training_stops_with_the_weights_before_the_batch(options):
    trainer = make_trainer(**options)
    with pytest.raises(NotFiniteError, match="the loss of head score is inf") as found:
        trainer.train(rows(), np.arange(ROWS), ONES)
    fault = found.value.fault
    assert fault.positions.tolist() == list(range(64, 96))
    assert fault.batch.labels["score"].numpy()[BAD_ROW - 64] == np.inf
    assert np.isfinite(fault.losses["class"])
    without_average = make_trainer(**{**options, "average": None})
    for mine, due in zip(trainer.model.get_weights(), weights_after(without_average, 2), strict=True):
        np.testing.assert_allclose(mine, due, rtol=1e-5)


def test_the_batch_is_found_in_any_order():
    order = np.random.default_rng(0).permutation(ROWS)
    with pytest.raises(NotFiniteError) as found:
        make_trainer().train(rows(), order, ONES)
    assert BAD_ROW in found.value.fault.positions


def test_skipped_batches_change_neither_weights_nor_sums():
    trainer, other = make_trainer(on_nan="skip"), make_trainer()
    kept = np.r_[0:64, 96:ROWS]
    found, due = trainer.train(rows(), np.arange(ROWS), ONES), other.train(rows(), kept, ONES)
    assert (found.skipped, due.skipped, due.fault) == (1, 0, None)
    assert BAD_ROW in found.fault.positions
    assert found.losses == pytest.approx(due.losses)
    assert found.weights == pytest.approx(due.weights)
    for mine, theirs in zip(trainer.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_an_epoch_whose_batches_are_all_skipped_ends_the_training():
    with pytest.raises(NotFiniteError, match="every step of the epoch was skipped"):
        make_trainer(on_nan="skip").train(rows(), np.arange(64, 96), ONES)


def test_a_gradient_that_is_not_finite_counts_although_the_losses_are():
    trainer = make_trainer()
    scores = LABELS["score"] * 0 + np.float32(
        1e19
    )  # its square is finite, and the gradient's products are not
    trainer.model.set_weights([value * 1e20 for value in trainer.model.get_weights()])
    before = trainer.model.get_weights()
    with pytest.raises(NotFiniteError):
        trainer.train(Rows.of(INPUTS, {**LABELS, "score": scores}), np.arange(ROWS), ONES)
    for mine, due in zip(trainer.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, due)


def test_rows_of_an_evaluation_whose_outputs_are_not_finite_are_named():
    trainer = make_trainer()
    images = INPUTS["image"].copy()
    images[7] = np.inf
    with pytest.raises(NotFiniteError, match="first output that is not finite: branch_image") as found:
        trainer.evaluate(Rows.of({**INPUTS, "image": images}, LABELS))
    assert found.value.fault.positions.tolist() == [7]


def test_overflows_of_half_precision_are_left_to_the_loss_scale():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2), initial_scale=2.0**30)
        trainer = make_trainer(optimizer=scaled)
        assert trainer.train(rows(0.0), np.arange(ROWS), ONES).skipped == 0
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_message_names_the_part_with_the_largest_gradient():
    gradients = {"branch_a": 3.0, "fusion": float("nan"), "head_b": 1e9}
    fault = Fault(np.arange(2), None, {"b": float("nan")}, gradients, {"branch_a": True, "fusion": False})
    assert fault.largest == "fusion"
    assert fault.sentence().splitlines() == [
        "the loss of head b is nan",
        "  largest gradient: fusion (norm nan)",
        "  first output that is not finite: fusion",
    ]
