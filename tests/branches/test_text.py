"""Text branches: padding has no effect, and an empty text still gives numbers."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)
TEXT_BRANCHES = [
    branches.TextBag(embedding=8, units=[3], activation="tanh"),
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


@pytest.mark.parametrize("branch", TEXT_BRANCHES)
def test_groups_of_letters_come_after_the_words_and_do_not_change_with_padding(branch):
    words, groups = 12, 20
    model = model_of(branch, (9,), "int32", (words, groups, 4))
    ids = rng.integers(2, words, (2, 9)).astype("int32")
    ids[1, :4] = ids[0, :4]
    ids[:, 4:] = [[15, 16, 17, 0, 0], [17, 15, 16, 0, 0]]
    features = np.asarray(model(ids))
    np.testing.assert_allclose(features[0], features[1], rtol=1e-5, atol=1e-6)
    ids[1, 4] = 19
    assert not np.allclose(features[0], np.asarray(model(ids))[1])
