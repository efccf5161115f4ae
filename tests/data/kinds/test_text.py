"""Texts: tokens and vocabulary."""

from typing import Any

import numpy as np
import pytest

from tests.data.small_data import NUMBERS, ROWS, TEXTS, all_rows, load_input, objects, prepare, refuse_input

ENTRY = {"kind": "text", "column": "s.a"}


def test_texts_become_tokens_of_lower_case_words_with_0_for_padding_and_1_for_unseen() -> None:
    dataset = load_input(ENTRY, a=TEXTS)
    tokens = all_rows(dataset)
    assert tokens.dtype == np.int32
    assert tokens.shape == (ROWS, 3)
    assert dataset.inputs["x"].vocabularies == (5,)
    assert tokens[1].tolist() == [0, 0, 0]
    assert tokens[0].tolist()[1:] == [2, 2]  # the most frequent word comes first
    assert prepare(dataset, {"x": objects("TWO, strange")})[0].tolist() == [2, 1, 0]
    assert all_rows(load_input(ENTRY | {"longest": 1, "tokens": 3}, a=TEXTS)).max() == 2


@pytest.mark.parametrize(
    ("options", "cells", "option", "problem"),
    [
        ({}, NUMBERS, "column", "more than one value per row"),
        ({}, objects(*[["a"]] * ROWS), "column", "a list instead of a single value"),
        ({}, objects(*[""] * ROWS), "column", "no training row has a text"),
        ({}, objects(*["!"] * ROWS), "column", "no training row has a word"),
        ({"split": "word"}, TEXTS, "split", "no such way to split a text"),
        ({"tokens": 2}, TEXTS, "tokens", "too small"),
    ],
)
def test_wrong_options_and_values_are_refused(
    options: dict[str, Any], cells: Any, option: str, problem: str
) -> None:
    refuse_input({"kind": "text"} | options, cells, option, problem)
