"""What a branch can be differentiated by."""

import keras
import numpy as np
import pytest

from pipeline.model.entries import Branch


@pytest.mark.parametrize("categories", [1, 2])
def test_each_embedding_is_an_entry_with_the_rows_of_the_input(categories):
    prepared = keras.Input((3,))
    layers = [keras.layers.Embedding(5, 4, name=f"t_embedding_{place}") for place in range(categories)]
    outputs = [layer(prepared[:, place]) for place, layer in enumerate(layers)]
    body = keras.Model([prepared, *outputs], sum(outputs))
    names = [layer.name for layer in layers]
    branch = Branch("t", "table", prepared, names, keras.Model(prepared, outputs), body, None)
    entries, fixed = {}, {}
    branch.enter(np.ones((7, 3)), {}, entries, fixed)
    assert {name: values.shape for name, values in entries.items()} == {
        "t": (7, 3),
        **{f"t/{name}": (7, 4) for name in names},
    }
    assert branch.features(entries, fixed | {"t absent": np.zeros((7, 1), bool)}).shape == (7, 4)
