"""The size of updates by layer: rates, and the modulation of branches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.modulation import Off
from pipeline.training.updates import Updates


class Given(Off):
    """Multiplies a branch's updates by its factor."""

    modulates = True

    def modulate(self, change, factor, index, updates):
        return change * factor


@pytest.fixture
def model():
    """Two branches of one weight each, of value 1."""
    inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
    weights = {"kernel_initializer": "ones", "use_bias": False}
    features = [keras.layers.Dense(1, name=f"branch_{name}", **weights)(x) for name, x in inputs.items()]
    return keras.Model(inputs, keras.layers.Add()(features))


def changes(model, rates, modulation, factors, optimizer="sgd"):
    """By how much a gradient of 1 changes each branch's weight, at a learning rate of 0.1."""
    optimizer = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": 0.1}})
    variables = model.trainable_variables
    optimizer.build(variables)
    updates = Updates(model, optimizer, rates, modulation)
    before = [variable.numpy() for variable in variables]
    updates.apply([tf.ones((1, 1)) for _ in variables], variables, factors)
    return [float(np.squeeze(new.numpy() - old)) for new, old in zip(variables, before, strict=True)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_scales_the_update_of_its_layer_alone_whatever_the_optimizer(model, optimizer):
    assert changes(model, {"branch_b": 0.5}, Off(), {}, optimizer) == pytest.approx([-0.1, -0.05], rel=1e-3)


def test_a_modulation_scales_the_updates_of_branches_on_top_of_their_rates(model):
    found = changes(model, {"branch_b": 0.5}, Given(), {"a": 0.2, "b": 0.4})
    assert found == pytest.approx([-0.02, -0.02])


def test_layers_of_rate_one_are_left_to_the_optimizer(model):
    assert Updates(model, keras.optimizers.SGD(), {"branch_a": 1.0}, Off()).scaled == []
