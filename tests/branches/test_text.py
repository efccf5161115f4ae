"""Text branches: padding has no effect, and an empty text still gives numbers."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)
TEXT_BRANCHES = [
    branches.TextBag(embedding=8, units=[3]),
    branches.TextBag(embedding=8, pooling="max"),
    branches.TextConv(embedding=8, filters=[4, 5]),
    branches.TextConv(embedding=8, filters=[4], padding="valid", pooling="average"),
    branches.TextTransformer(embedding=8, attention_heads=2),
    branches.TextTransformer(embedding=8, attention_heads=2, position="learned", longest=4),
]


@pytest.mark.parametrize("branch", TEXT_BRANCHES)
def test_padding_a_text_does_not_change_its_features_and_an_empty_one_gives_numbers(branch):
    model = model_of(branch, (None,), "int32", (12,))
    ids = rng.integers(1, 12, (3, 9)).astype("int32")
    ids[0, 4:] = 0
    np.testing.assert_allclose(model(ids[:1, :4])[0], model(ids)[0], rtol=1e-5, atol=1e-6)
    assert np.isfinite(model(np.zeros((2, 5), "int32"))).all()
