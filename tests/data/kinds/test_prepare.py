"""Preparation runs in batches and in float32."""

import keras
import numpy as np
import pytest

from tests.data.small_data import KINDS, all_rows, load_input


def test_the_size_of_the_batches_does_not_change_prepared_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, columns = KINDS["table"]
    expected = all_rows(load_input(entry, **columns))
    monkeypatch.setattr("pipeline.data.kinds.prepare.MOST_ROWS", 2)
    np.testing.assert_array_equal(all_rows(load_input(entry, **columns)), expected)


def test_preparation_is_float32_under_mixed_precision() -> None:
    entry, columns = KINDS["vector with gaps"]
    expected = all_rows(load_input(entry, **columns))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        prepared = all_rows(load_input(entry, **columns))
    finally:
        keras.config.set_dtype_policy(before)
    assert prepared.dtype == np.float32
    np.testing.assert_array_equal(prepared, expected)


@pytest.mark.parametrize("kind", ["table", "table of words", "vector with gaps", "text", "series"])
def test_many_rows_are_prepared_like_few(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    entry, columns = KINDS[kind]
    expected = all_rows(load_input(entry, **columns))
    monkeypatch.setattr("pipeline.data.kinds.prepare.TRACED_ROWS", 2)
    np.testing.assert_array_equal(all_rows(load_input(entry, **columns)), expected)
