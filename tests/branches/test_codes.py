"""Hiding codes in training, so that the embedding of unseen words and categories is trained."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of


def test_the_configured_share_of_words_counts_as_unseen_in_training_only():
    ids = np.full((400, 5), 3, "int32")
    model = model_of(branches.TextBag(embedding=2, unseen=0.3), (None,), "int32", (6,))
    embedding = np.arange(12.0).reshape(6, 2)
    model.get_layer("input_embedding").set_weights([embedding])
    np.testing.assert_allclose(model(ids), np.tile(embedding[3], (400, 1)))
    shares = (np.asarray(model(ids, training=True))[:, 0] - embedding[3, 0]) / (embedding[1, 0] - 6)
    assert shares.mean() == pytest.approx(0.3, abs=0.05)
