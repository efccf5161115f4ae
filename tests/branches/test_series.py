"""Series branches: missing steps have no effect, and a series without steps still gives numbers."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)
SERIES_BRANCHES = [
    branches.Conv1D(filters=[4, 5], kernel_size=3),
    branches.Conv1D(filters=[4, 5], kernel_size=3, padding="valid"),
    branches.Conv1D(filters=[4], kernel_size=4, pooling="average", units=[3]),
    branches.Conv1D(filters=[4], summary=True),
    branches.GRU(units=[4, 3]),
    branches.LSTM(units=[4, 3]),
    branches.Transformer(width=8, attention_heads=2),
    branches.Transformer(width=8, attention_heads=2, position="learned", longest=7, pooling="max"),
    branches.Transformer(width=6, attention_heads=2, position="none", blocks=1, units=[3]),
]


@pytest.mark.parametrize("branch", SERIES_BRANCHES)
def test_padding_a_series_does_not_change_its_features_and_an_empty_one_gives_numbers(branch):
    model = model_of(branch, (None, 3))
    long = rng.normal(size=(4, 20, 3)).astype("float32")
    for length in (1, 2, 5, 20):
        alone = long[:1, :length]
        batch = long.copy()
        batch[0, length:] = np.nan
        np.testing.assert_allclose(model(alone)[0], model(batch)[0], rtol=1e-5, atol=1e-5)
    assert np.isfinite(model(np.full((2, 6, 3), np.nan, "float32"))).all()


@pytest.mark.parametrize("layer", [branches.GRU, branches.LSTM])
def test_a_recurrent_branch_returns_the_state_after_the_last_real_step(layer):
    model = model_of(layer(units=[4]), (None, 3))
    series = rng.normal(size=(1, 6, 3)).astype("float32")
    series[0, 2] = np.nan
    without_the_missing_step = np.delete(series, 2, axis=1)
    np.testing.assert_allclose(model(series), model(without_the_missing_step), rtol=1e-5, atol=1e-6)
