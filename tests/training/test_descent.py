"""Balancers at work in the trainer, against gradients taken one head at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.model import forward
from pipeline.training.trainer import Rows
from tests.small_trainer import INPUTS, LABELS, LOSSES, make_trainer, train

ALL = {
    "static": balancers.Static,
    "uncertainty": balancers.Uncertainty,
    "dwa": balancers.DWA,
    "rlw": balancers.RLW,
    "gradnorm": balancers.GradNorm,
    "famo": balancers.FAMO,
    "pcgrad": balancers.PCGrad,
    "pcgrad_features": lambda: balancers.PCGrad(level="representation"),
    "mgda": balancers.MGDA,
    "cagrad": balancers.CAGrad,
    "imtl_g": balancers.IMTLG,
    "nash": balancers.Nash,
    "aligned": balancers.Aligned,
}
# One balancer for each thing that a step may give it: the losses, those after the step too, and the
# gradients of parameters, of the last shared layer or of the representation. The others are slow tests.
WAYS = ("uncertainty", "famo", "pcgrad", "gradnorm", "aligned")
EACH_WAY = [name if name in WAYS else pytest.param(name, marks=pytest.mark.slow) for name in ALL]
WEIGHTS = np.array([2.0, 0.5], "float32")


class Fixed(balancers.Static):
    """Gives known weights and remembers what it was asked, so that gradients can be checked by hand."""

    needs = "gram"

    def __init__(self, level, scale_private=True, weighted=False):
        self.level, self.scale_private = level, scale_private
        type(self).weighted = weighted
        self.gram = tf.Variable(tf.zeros((2, 2)))

    def weights(self, losses, labelled, gram=None):
        return tf.constant([0.5, 3.0])

    def update(self, losses, labelled, gram=None, losses_after=None):
        self.gram.assign(gram)


def one_step(balancer, regularizer=None, **options):
    # Plain descent by 1: the change of a weight is minus its gradient.
    trainer = make_trainer(balancer=balancer, optimizer=keras.optimizers.SGD(1.0), **options)
    for variable in trainer.variables:
        variable.regularizer = regularizer
    before = [variable.numpy().copy() for variable in trainer.variables]
    by_head = gradients_by_head(trainer)
    trainer.train(Rows.of(*first_batch()), np.arange(32), WEIGHTS)
    moved = [old - variable.numpy() for old, variable in zip(before, trainer.variables, strict=True)]
    return trainer, moved, by_head


def first_batch():
    return {n: v[:32] for n, v in INPUTS.items()}, {n: v[:32] for n, v in LABELS.items()}


def gradients_by_head(trainer):
    inputs, labels = first_batch()
    found = []
    for name in trainer.losses:
        with tf.GradientTape() as tape:
            _, outputs = forward(trainer.model, inputs, trainer.losses, training=True)
            loss = LOSSES[name](labels[name], outputs[name])
        gradients = tape.gradient(loss, trainer.variables)
        found.append(
            [tf.zeros(v.shape) if g is None else g for g, v in zip(gradients, trainer.variables, strict=True)]
        )
    return found


def product(a, b):
    return sum(float(tf.reduce_sum(x * y)) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("level", ["representation", "parameters", "last_shared"])
def test_what_is_descended_is_the_weighted_sum_of_the_heads_gradients(level):
    _, moved, by_head = one_step(Fixed(level))
    for i, change in enumerate(moved):
        wanted = 2.0 * 0.5 * by_head[0][i] + 0.5 * 3.0 * by_head[1][i]
        np.testing.assert_allclose(change, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", ["representation", "parameters", "last_shared", None])
def test_regularisation_is_added_once_and_without_any_weight(level):
    half_a_square = keras.regularizers.L2(0.5)  # its gradient is the variable
    before = [variable.numpy() for variable in make_trainer().variables]
    _, moved, by_head = one_step(Fixed(level) if level else balancers.Static(), half_a_square)
    factors = (2.0 * 0.5, 0.5 * 3.0) if level else WEIGHTS
    for i, change in enumerate(moved):
        wanted = factors[0] * by_head[0][i] + factors[1] * by_head[1][i] + before[i]
        np.testing.assert_allclose(change, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighted", [True, False])
def test_a_balancer_gets_what_it_asks_for_and_no_more(weighted):
    class Asking(balancers.Static):
        needs = "losses"

        def update(self, losses, labelled, gram=None, losses_after=None):
            assert gram is None
            assert losses_after is None
            self.losses.assign(losses)

    Asking.weighted = weighted
    balancer = Asking()
    balancer.losses = tf.Variable([0.0, 0.0])
    trainer = make_trainer(balancer=balancer, optimizer=keras.optimizers.SGD(0.0))
    epoch = trainer.train(Rows.of(*first_batch()), np.arange(32), WEIGHTS)
    wanted = [epoch.losses[name] for name in LOSSES] * (WEIGHTS if weighted else np.ones(2))
    np.testing.assert_allclose(balancer.losses, wanted, rtol=1e-5)


@pytest.mark.parametrize("level", ["representation", "parameters", "last_shared"])
def test_a_head_that_reads_a_branch_is_counted_once(level):
    _, moved, by_head = one_step(Fixed(level), reads={"score": "series"})
    for i, change in enumerate(moved):
        wanted = 2.0 * 0.5 * by_head[0][i] + 0.5 * 3.0 * by_head[1][i]
        np.testing.assert_allclose(change, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", ["representation", "parameters"])
def test_unscaled_private_weights_get_their_own_loss_times_its_loss_weight(level):
    trainer, moved, by_head = one_step(Fixed(level, scale_private=False))
    private = {
        id(v) for name in trainer.losses for v in trainer.model.get_layer(f"head_{name}").trainable_variables
    }
    for i, (variable, change) in enumerate(zip(trainer.variables, moved, strict=True)):
        factors = (2.0, 0.5) if id(variable) in private else (2.0 * 0.5, 0.5 * 3.0)
        wanted = factors[0] * by_head[0][i] + factors[1] * by_head[1][i]
        np.testing.assert_allclose(change, wanted, rtol=1e-4, atol=1e-6)


def test_the_gram_of_the_parameters_is_that_of_the_shared_weights():
    trainer, _, by_head = one_step(Fixed("parameters"))
    shared = [i for i, v in enumerate(trainer.variables) if not v.path.startswith(("class", "score"))]
    assert len(shared) == 4
    picked = [[gradients[i] for i in shared] for gradients in by_head]
    wanted = [[product(a, b) for b in picked] for a in picked]
    np.testing.assert_allclose(trainer.balancer.gram, wanted, rtol=1e-4)


def test_the_gram_of_the_last_shared_layer_is_that_of_its_weights():
    trainer, _, by_head = one_step(Fixed("last_shared"))
    layer = [i for i, v in enumerate(trainer.variables) if v.path.startswith("series_conv_1")]
    picked = [[gradients[i] for i in layer] for gradients in by_head]
    np.testing.assert_allclose(
        trainer.balancer.gram, [[product(a, b) for b in picked] for a in picked], rtol=1e-4
    )


def test_the_gram_of_the_representation_is_that_of_what_heads_read():
    balancer = Fixed("representation", weighted=True)
    trainer = make_trainer(balancer=balancer)
    inputs, labels = first_batch()
    with tf.GradientTape(persistent=True) as tape:
        crossing, outputs = forward(trainer.model, inputs, trainer.losses, training=True)
        losses = {name: LOSSES[name](labels[name], outputs[name]) for name in LOSSES}
    sent = [
        weight * tape.gradient(losses[name], crossing["fusion"])
        for name, weight in zip(LOSSES, WEIGHTS, strict=True)
    ]
    trainer.train(Rows.of(*first_batch()), np.arange(32), WEIGHTS)
    np.testing.assert_allclose(balancer.gram, [[product([a], [b]) for b in sent] for a in sent], rtol=1e-4)


def test_half_precision_asks_with_gradients_of_full_size():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3), initial_scale=1024.0)
        half = make_trainer(balancer=Fixed("parameters"), optimizer=optimizer)
        half.train(Rows.of(*first_batch()), np.arange(32), WEIGHTS)
    finally:
        keras.config.set_dtype_policy("float32")
    whole = one_step(Fixed("parameters"))[0]
    np.testing.assert_allclose(half.balancer.gram, whole.balancer.gram, rtol=0.03)


@pytest.fixture(scope="module", params=EACH_WAY)
def learned(request):
    """Each balancer's name, a trainer with it after some epochs, and the epochs."""
    balancer, optimizer = ALL[request.param](), keras.optimizers.Adam(1e-2)
    trainer = make_trainer(balancer=balancer, optimizer=optimizer, dropout=0.1)
    return request.param, trainer, train(trainer, weights=WEIGHTS, epochs=6, shuffle=True)


def test_every_balancer_learns_and_logs_the_same_objective(learned):
    _, _, epochs = learned
    total = [sum(w * epoch.losses[n] for n, w in zip(LOSSES, WEIGHTS, strict=True)) for epoch in epochs]
    assert total[-1] < total[0]
    assert sum(epochs[-1].shares.values()) == pytest.approx(1)
    assert all(np.isfinite(list(epochs[-1].weights.values())))


def test_restored_state_gives_the_same_next_epoch(learned):
    def variables(trainer):
        return [*trainer.model.variables, *trainer.optimizer.variables, *trainer.balancer.variables]

    name, first, _ = learned
    second = make_trainer(balancer=ALL[name](), optimizer=keras.optimizers.Adam(1e-2), dropout=0.1)
    for mine, theirs in zip(variables(second), variables(first), strict=True):
        mine.assign(theirs.value)
    assert train(first)[0].losses == train(second)[0].losses


@pytest.fixture(scope="module", params=EACH_WAY)
def reading(request):
    """Each balancer with a head that reads a branch, trained without the head's labels and then with them.

    Returns:
        The epoch without labels, the weights of the head before and after it, the epochs with labels.
    """
    balancer, optimizer = ALL[request.param](), keras.optimizers.Adam(1e-2)
    trainer = make_trainer(balancer=balancer, optimizer=optimizer, reads={"score": "series"}, complete=False)
    head = trainer.model.get_layer("head_score")
    before = head.get_weights()
    (without,) = train(trainer, {**LABELS, "score": np.full_like(LABELS["score"], np.nan)})
    after = head.get_weights()
    return without, before, after, train(trainer, epochs=6)


def test_a_head_without_labels_takes_no_part(reading):
    epoch, before, after, _ = reading
    assert epoch.losses.keys() == {"class"}
    assert epoch.weights["score"] == 0
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_every_balancer_takes_a_head_that_reads_a_branch(reading):
    epochs = reading[-1]
    assert sum(epochs[-1].losses.values()) < sum(epochs[0].losses.values())


@pytest.fixture(scope="module")
def alone():
    """The loss of a head alone in the second epoch without a balancer."""
    return train(make_trainer(("class",)), epochs=2)[1].losses["class"]


@pytest.mark.parametrize("name", EACH_WAY)
def test_one_head_alone_is_trained_as_without_a_balancer(name, alone):
    balanced = train(make_trainer(("class",), balancer=ALL[name]()), epochs=2)[1].losses["class"]
    # RMSprop steps by relative size, so a method's constant factor cancels, but for the epsilon.
    assert balanced == pytest.approx(alone, rel=2e-3)


def test_dropout_of_the_second_look_is_that_of_the_first():
    class Watching(balancers.Static):
        needs_losses_after = True

        def update(self, losses, labelled, gram=None, losses_after=None):
            self.gap.assign(tf.reduce_max(tf.abs(losses - losses_after)))

    balancer = Watching()
    balancer.gap = tf.Variable(1.0)
    # A step of no length: both looks see the same weights, so only dropout could tell them apart.
    train(make_trainer(balancer=balancer, optimizer=keras.optimizers.SGD(0.0), dropout=0.5))
    assert float(balancer.gap) < 1e-6


def test_heads_that_share_nothing_cannot_be_balanced():
    from pipeline.errors import ConfigError

    trainer = make_trainer(balancer=Fixed("parameters"), factors={"branch_image": 0.0, "branch_series": 0.0})
    with pytest.raises(ConfigError, match="shares no weights"):
        train(trainer)
