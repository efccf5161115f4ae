"""A splitter reads the columns that the split needs, and no target changes the split."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.kinds import INPUTS, TARGETS, build
from pipeline.data.splitter import Splitter, column_keys

FRAME = pd.DataFrame(
    {"a": np.arange(60) / 7, "b": np.arange(60) % 5, "y": list("uv") * 30, "g": np.arange(60) // 3}
)
X = {"x": build({"kind": "table", "numeric": ["s.a"]}, INPUTS, "x")}
Z = {"z": build({"kind": "table", "numeric": ["s.b"]}, INPUTS, "z")}
Y = {"y": build({"kind": "category", "column": "s.y"}, TARGETS, "y")}


def codes(inputs: Any, targets: Any, **options: Any) -> np.ndarray:
    splitter = Splitter(inputs, targets, {"fractions": [0.6, 0.2, 0.2], **options}, seed=3)
    return splitter.split(splitter.open({"s": FRAME}, column_keys(inputs, targets)))[1]


def test_a_column_is_named_by_the_key_that_uses_it() -> None:
    assert column_keys(X, Y) == {"s.a": "data.inputs.x.numeric", "s.y": "data.targets.y.column"}


@pytest.mark.parametrize("options", [{}, {"stratify": "s.y"}, {"group": "s.g"}])
def test_the_split_of_a_file_does_not_depend_on_inputs_and_targets(options: Any) -> None:
    found = codes(X, Y, **options)
    for inputs, targets in ((Z, Y), (X | Z, {}), ({}, Y)):
        np.testing.assert_array_equal(codes(inputs, targets, **options), found)


def test_rows_named_is_the_split_of_the_named_columns() -> None:
    assert (codes(X, Y, rows="named") != codes(X | Z, Y, rows="named")).any()


def test_the_seed_of_the_split_comes_before_that_of_the_run() -> None:
    np.testing.assert_array_equal(codes(X, Y), codes(X, Y, seed=3))
    assert (codes(X, Y) != codes(X, Y, seed=4)).any()
