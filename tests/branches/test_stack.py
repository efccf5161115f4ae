"""The dense layers at the end of a branch."""

import keras
import pytest

from pipeline import branches
from tests.branches.model_of import model_of


@pytest.mark.parametrize(
    ("units", "dropout", "expected"),
    [
        ([], 0.0, []),
        ([], 0.2, ["input_dropout"]),
        ([5, 3], 0.0, ["input_dense_1", "input_dense_2"]),
        ([5, 3], 0.2, ["input_dense_1", "input_dropout_1", "input_dense_2", "input_dropout_2"]),
    ],
)
def test_each_dense_layer_is_followed_by_dropout_unless_the_rate_is_zero(units, dropout, expected):
    model = model_of(branches.Dense(units=units, dropout=dropout), (4,))
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    assert [layer.name for layer in layers] == expected
    assert model.output_shape == (None, (units or [4])[-1])
