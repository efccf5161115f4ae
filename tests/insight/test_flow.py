"""Gradients on the probe: compared with single gradient tapes, and properties that hold for every model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import branches, fusion, heads
from pipeline.balancers import Static
from pipeline.data.feed import Rows
from pipeline.insight import Probe
from pipeline.insight.flow import draw_probe
from pipeline.insight.numbers import branch_norms, cosines, flow_numbers, zero_gradients
from pipeline.model import build_model, build_presenter, forward
from pipeline.training.fit import fit
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Trainer
from tests.small_trainer import INPUTS, LABELS, LOSSES, ROWS, Source, Target, make_trainer

ONES = {"class": 1.0, "score": 1.0}


def make_probe(trainer=None, labels=LABELS, **options):
    rows = Rows.of(INPUTS, {name: labels[name] for name in LOSSES})
    defaults = {"number": 32, "batches": 4, "by_part": False, "warn": lambda line: None}
    return Probe(trainer or make_trainer(), rows, **{**defaults, **options})


def gradients_by_hand(probe, batch, factors=(1.0, 1.0)):
    """Gradient of the weighted sum of the losses on one part of the probe."""
    inputs = {name: values[batch] for name, values in probe.inputs.items()}
    with tf.GradientTape() as tape:
        _, outputs = forward(probe.trainer.model, inputs, LOSSES, training=False)
        losses = [loss(probe.labels[name][batch], outputs[name]) for name, loss in LOSSES.items()]
        total = tf.add_n([factor * loss for factor, loss in zip(factors, losses, strict=True)])
    found = tape.gradient(total, probe.trainer.variables, unconnected_gradients="zero")
    return [gradient.numpy() for gradient in found]


@pytest.mark.parametrize("factors", [(1.0, 0.0), (0.0, 1.0), (2.0, 0.5)])
def test_the_heads_gradients_add_up_to_the_gradient_of_the_combined_loss(factors):
    probe = make_probe()
    flow = probe.gradients()
    for batch in range(4):
        combined = [np.sum(gradient**2) for gradient in gradients_by_hand(probe, batch, factors)]
        parts = np.einsum("i,vij,j->v", factors, flow.products[batch], factors)
        np.testing.assert_allclose(parts, combined, rtol=1e-5, atol=1e-9)


def test_norms_at_a_branch_are_means_over_the_rows_own_losses():
    probe = make_probe(batches=1)
    inputs = {name: values[0] for name, values in probe.inputs.items()}
    layer = probe.trainer.model.get_layer("branch_series")
    features = layer(inputs["series"])
    norms = []
    for row in range(32):
        with tf.GradientTape() as tape:
            tape.watch(features)
            other = probe.trainer.model.get_layer("branch_image")(inputs["image"])
            fused = probe.trainer.model.get_layer("fusion")({"image": other, "series": features})
            output = probe.trainer.model.get_layer("head_class")(fused)
            loss = LOSSES["class"](probe.labels["class"][0, row : row + 1], output[row : row + 1])
        norms.append(np.linalg.norm(tape.gradient(loss, features)))
    assert probe.gradients().rows[0, 0, 1] == pytest.approx(np.mean(norms), rel=1e-4)


def test_rows_without_labels_do_not_change_the_norm():
    gaps = np.where(np.arange(ROWS)[:, None] % 2, LABELS["score"], np.nan).astype("float32")
    some = make_probe(
        make_trainer(complete=False), {**LABELS, "score": gaps}, number=100, batches=1
    ).gradients()
    whole = make_probe(number=100, batches=1)
    odd = Rows.of(INPUTS, LABELS).take(np.arange(1, ROWS, 2))
    whole.inputs, whole.labels = (
        {name: values[None] for name, values in group.items()} for group in (odd.inputs, odd.labels)
    )
    assert some.rows[0, 1, 0] == pytest.approx(whole.gradients().rows[0, 1, 0], rel=1e-4)


class Identity(branches.Dense):
    """A branch whose output is its input, by a weight that could learn."""

    def __call__(self, x, name, vocabularies=()):
        return keras.layers.Dense(2, use_bias=False, kernel_initializer="identity", name=name)(x)


def test_one_residual_reaches_both_branches():
    # A linear fusion and one softmax: dL/dh_m = W_m^T (p - y), dL/dW_m = (p - y) h_m^T; worked out by hand.
    residual = np.array([0.111166, -0.178591, 0.067425])
    first, second, label = [[1.0, 2.0]], [[0.5, -0.5]], [1]
    sources = {name: Source(name, (2,)) for name in ("first", "second")}
    head = heads.Multiclass(loss=LOSSES["class"])
    parts = {name: Identity(units=[]) for name in sources}
    targets = {"class": Target("category", 3)}
    model = build_model(sources, targets, parts, fusion.Concatenate(), {"class": head})
    kernel = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    model.get_layer("head_class").set_weights([kernel, np.zeros(3)])
    loss = {"class": HeadLoss(loss=LOSSES["class"], kind="category", complete=True)}
    trainer = Trainer(
        model, build_presenter(targets, {"class": head}), loss, Static(), keras.optimizers.SGD(), batch_size=1
    )
    rows = Rows.of({"first": np.float32(first), "second": np.float32(second)}, {"class": np.int32(label)})
    flow = Probe(trainer, rows, number=1, batches=1, by_part=False).gradients()
    at_branch = np.linalg.norm(residual[:2])
    np.testing.assert_allclose(flow.rows[0, 0], [at_branch, at_branch], rtol=1e-4)
    squares = dict(zip([v.path for v in trainer.variables], flow.products[0, :, 0, 0], strict=True))
    features = np.linalg.norm([*first[0], *second[0]])
    assert squares["class_output/kernel"] == pytest.approx(
        (np.linalg.norm(residual) * features) ** 2, rel=1e-4
    )
    assert squares["class_output/bias"] == pytest.approx(np.sum(residual**2), rel=1e-4)
    np.testing.assert_allclose(
        branch_norms(flow)[0],
        at_branch * np.array([np.linalg.norm(first), np.linalg.norm(second)]),
        rtol=1e-4,
    )


@pytest.mark.parametrize("c", [3.0, 0.1])
def test_scaling_a_loss_scales_its_gradients_and_no_cosine(c):
    class Scaled(keras.losses.Loss):
        def call(self, labels, outputs):
            return c * LOSSES["score"].call(labels, outputs)

    plain, scaled = make_probe(), make_probe()
    scaled.trainer.losses["score"] = HeadLoss(loss=Scaled(), kind="number", complete=True)
    before, after = (flow_numbers(probe.gradients(), ONES, by_part=True) for probe in (plain, scaled))
    for name, value in before.items():
        factor = c if name.startswith("flow/score_to_") and not name.endswith("_share") else 1.0
        if "_from_" not in name:
            assert after[name] == pytest.approx(factor * value, rel=1e-4), name


def test_a_head_that_reads_one_branch_sends_no_gradient_into_the_other():
    found = flow_numbers(make_probe(make_trainer(reads={"score": "image"})).gradients(), ONES, by_part=False)
    assert found["flow/score_to_series"] == found["flow/score_to_series_weights"] == 0.0
    assert found["flow/score_to_image_share"] == 1.0
    assert found["flow/class_to_series"] > 0


def test_cosines_are_those_of_the_shared_weights():
    probe = make_probe(make_trainer(reads={"score": "image"}), batches=1)
    flow = probe.gradients()
    ours = cosines(flow, 0, 1)[0]
    both = [i for i, part in enumerate(flow.parts) if part == "branch_image"]
    a, b = (np.concatenate([gradients_by_hand_of(probe, head)[i].ravel() for i in both]) for head in range(2))
    assert ours == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-4)


def gradients_by_hand_of(probe, head):
    return gradients_by_hand(probe, 0, [1.0 if i == head else 0.0 for i in range(2)])


def test_heads_without_shared_weights_have_no_cosine():
    trainer = make_trainer(factors={"branch_image": 0.0, "branch_series": 0.0})
    found = flow_numbers(make_probe(trainer).gradients(), ONES, by_part=False)
    assert not [name for name in found if "cos" in name or "conflict" in name]


def test_a_frozen_branch_gets_gradients_at_its_output_but_not_on_its_weights():
    probe = make_probe(make_trainer(factors={"branch_image": 0.0}))
    found = probe(ONES)
    assert found["flow/class_to_image"] > 0
    assert found["flow/class_to_image_weights"] == found["flow/update_branch_image"] == 0.0
    assert found["flow/class_to_series_share"] == 1.0


def test_updates_are_the_relative_change_of_a_parts_weights():
    probe = make_probe()
    for variable in probe.trainer.model.get_layer("head_score").trainable_variables:
        variable.assign(1.5 * variable)
    found = probe(ONES)
    assert found["flow/update_head_score"] == pytest.approx(0.5, rel=1e-5)
    assert found["flow/update_head_class"] == 0.0
    assert probe(ONES)["flow/update_head_score"] == 0.0


def test_half_precision_gives_gradients_of_full_size():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3), initial_scale=1024.0)
        half = make_probe(make_trainer(optimizer=optimizer)).gradients()
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(half.rows, make_probe().gradients().rows, rtol=0.03)


def test_a_head_without_gradient_is_reported_once():
    warnings = []
    probe = make_probe(warn=warnings.append)
    assert zero_gradients(probe.gradients(), ONES) == []
    probe({"class": 1.0, "score": 0.0})
    probe({"class": 1.0, "score": 0.0})
    assert warnings == ["warning: head score sends no gradient: its weight is 0"]


def test_a_branch_that_no_head_uses_is_reported():
    probe = make_probe()
    for head in LOSSES:
        kernel = probe.trainer.model.get_layer(f"head_{head}").trainable_variables[0]
        kernel.assign(np.where(np.arange(6)[:, None] < 3, 0.0, kernel.numpy()))
    assert zero_gradients(probe.gradients(), ONES) == [
        "branch image gets no gradient: no head's loss depends on its output"
    ]


def test_a_head_without_labels_is_reported():
    labels = {**LABELS, "score": np.full_like(LABELS["score"], np.nan)}
    found = zero_gradients(make_probe(make_trainer(complete=False), labels).gradients(), ONES)
    assert found == [
        "head score sends no gradient: its loss depends on no weight, or no row has a label for it"
    ]


def test_the_probe_has_labelled_rows_for_every_head():
    rare = np.full((ROWS, 1), np.nan, "float32")
    rare[[3, 50, 51]] = 1.0
    inputs, labels = draw_probe(Rows.of(INPUTS, {**LABELS, "score": rare}), list(LOSSES), 16, 4, seed=0)
    assert np.isfinite(labels["score"]).sum() == 3
    assert labels["class"].shape == (4, 4)
    again = draw_probe(Rows.of(INPUTS, {**LABELS, "score": rare}), list(LOSSES), 16, 4, seed=0)
    np.testing.assert_array_equal(inputs["series"], again[0]["series"])


@pytest.mark.parametrize(
    ("number", "batches", "shape"), [(1000, 4, (4, 25)), (3, 8, (3, 1)), (10, 4, (4, 2))]
)
def test_a_probe_of_any_size_has_equal_batches_of_different_rows(number, batches, shape):
    inputs, labels = draw_probe(Rows.of(INPUTS, LABELS), list(LOSSES), number, batches, seed=1)
    assert labels["class"].shape == shape
    flat = np.reshape(inputs["series"], (shape[0] * shape[1], -1))
    assert len(np.unique(flat, axis=0)) == len(flat)


def test_a_probe_does_not_change_the_training():
    plain, probed = (make_trainer(optimizer="adam", dropout=0.3) for _ in range(2))
    probe = make_probe(probed)
    rows = Rows.of(INPUTS, LABELS)
    for _ in range(3):
        losses = [t.train(rows, np.arange(ROWS), np.ones(2, "f")).losses for t in (plain, probed)]
        probe(ONES)
        assert losses[0] == losses[1]
    for mine, theirs in zip(plain.model.variables, probed.model.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_fit_with_a_probe_has_the_same_history_and_the_flow_metrics():
    rows = {"train": Rows.of(INPUTS, LABELS)}
    heads_of = {"train": {}}
    histories = []
    for probed in (False, True):
        trainer = make_trainer(optimizer="adam", dropout=0.3)
        probe = make_probe(trainer) if probed else None
        more = {"epochs": 3, "shuffle": True, "seed": 0, "early_stopping": None, "probe": probe}
        histories.append(
            fit(trainer, rows, heads_of, loss_weights={"class": 2.0, "score": 1.0}, **more).history
        )
    plain, probed = ({n: v for n, v in h.items() if not n.startswith("time/")} for h in histories)
    assert plain == {name: values for name, values in probed.items() if not name.startswith("flow/")}
    sent = probed["flow/class_to_image"], probed["flow/class_to_image_raw"]
    np.testing.assert_allclose(sent[0], 2 * np.array(sent[1]))
    assert len(sent[0]) == 3
    # The first epoch's change counts from the weights before it.
    assert probed["flow/update_head_class"][0] > 0
