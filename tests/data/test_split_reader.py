"""The rows of a split are the same whether they are read at once or during the training."""

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.data.split_reader import merged
from pipeline.errors import ConfigError

FRAME = pd.DataFrame(
    {
        "a": np.arange(40) / 3,
        "b": np.where(np.arange(40) % 6, np.arange(40.0), np.nan),
        "w": np.arange(40) / 9,
    }
)
INPUTS = {"x": {"kind": "table", "numeric": ["s.a", "s.b"]}}
TARGETS = {"y": {"kind": "number", "column": "s.b", "scale": "none", "sample_weight": "s.w"}}
SPLIT = {"fractions": [0.6, 0.2, 0.2], "seed": 0}


def test_streamed_rows_are_those_in_memory() -> None:
    whole = data.load({"s": FRAME}, INPUTS, TARGETS, SPLIT, in_memory=True).splits
    streamed = data.load({"s": FRAME}, INPUTS, TARGETS, SPLIT, in_memory=False).splits
    for name, split in whole.items():
        places = np.arange(len(split.rows))
        np.testing.assert_array_equal(np.asarray(streamed[name].prepared["x"][places]), split.prepared["x"])
        for key, values in split.raw.items():
            np.testing.assert_array_equal(np.asarray(streamed[name].raw[key][places]), values)
        np.testing.assert_array_equal(streamed[name].labels["y"], split.labels["y"])


def test_labels_keep_their_numbers_and_weights_their_rows() -> None:
    for split in data.load({"s": FRAME}, INPUTS, TARGETS, SPLIT).splits.values():
        np.testing.assert_array_equal(split.numbers["y"][:, 0], FRAME.b[split.rows])
        np.testing.assert_allclose(split.weights["y"], FRAME.w[split.rows], rtol=1e-6)


@pytest.mark.parametrize("weight", [-1.0, np.nan])
def test_a_weight_must_be_a_number_of_at_least_0(weight: float) -> None:
    frame = FRAME.assign(w=FRAME.w.where(FRAME.index != 7, weight))
    with pytest.raises(ConfigError, match=r"not a sample weight(.|\n)*row 7") as caught:
        data.load({"s": frame}, INPUTS, TARGETS, SPLIT)
    assert caught.value.key == "data.targets.y.sample_weight"


def test_mappings_are_merged_in_their_order() -> None:
    assert list(merged([{"b": 1}, {"a": 2}])) == ["b", "a"]
