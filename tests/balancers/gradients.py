"""Random gradients, and a balancer's weights and update for gradients given as rows."""

import numpy as np
import pytest
import tensorflow as tf

CONFLICT = [[1, 0], [-1, 1]]
AGREEMENT = [[1, 0], [1, 1]]
OPPOSED = [[-4, 1, 1], [6, 1, 1]]
for_several_heads = pytest.mark.parametrize("heads", [2, 3, 4, 8])


def gradients(seed, heads, size=20):
    random = np.random.default_rng(seed)
    sizes = 10 ** random.uniform(-1, 1, (heads, 1))
    return (sizes * random.normal(size=(heads, size))).astype("float32")


def weights_of(balancer, rows, losses=None):
    rows = np.asarray(rows, "float32")
    names = [f"head{number}" for number in range(len(rows))]
    balancer.build(names, dict.fromkeys(names, "number"))
    losses = tf.ones(len(rows)) if losses is None else tf.constant(losses, tf.float32)
    return balancer.weights(losses, tf.ones(len(rows), tf.bool), tf.constant(rows @ rows.T)).numpy()


def update_of(balancer, rows):
    """Return the combined gradient d."""
    return weights_of(balancer, rows) @ np.asarray(rows, "float32")
