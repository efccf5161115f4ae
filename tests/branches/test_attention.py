"""Transformer blocks: what the position encodings tell about the order of the steps."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)


@pytest.mark.parametrize("position", ["sinusoidal", "learned", "none"])
def test_a_transformer_depends_on_the_order_of_the_steps_only_with_positions(position):
    model = model_of(branches.Transformer(width=8, attention_heads=2, position=position), (None, 3))
    x = rng.normal(size=(1, 9, 3)).astype("float32")
    same = np.allclose(model(x), model(x[:, ::-1]), atol=1e-5)
    assert same == (position == "none")


def test_steps_beyond_the_learned_positions_share_the_last_one():
    branch = branches.Transformer(width=8, attention_heads=2, position="learned", longest=3)
    model = model_of(branch, (None, 3))
    x = rng.normal(size=(1, 6, 3)).astype("float32")
    np.testing.assert_allclose(model(x), model(x[:, [0, 1, 5, 4, 3, 2]]), rtol=1e-5, atol=1e-6)
    assert not np.allclose(model(x), model(x[:, [1, 0, 2, 3, 4, 5]]), atol=1e-5)
