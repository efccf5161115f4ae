"""Texts: tokens and vocabulary."""

import logging
from typing import Any

import numpy as np
import pytest

from tests.data.small_data import NUMBERS, ROWS, TEXTS, all_rows, load_input, objects, prepare, refuse_input

LETTERS = {"kind": "text", "column": "s.a"}
ENTRY = LETTERS | {"letters": 0}


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


@pytest.mark.parametrize(
    ("training", "later"),
    [
        ("хорошо", "ХОРОШО!"),
        ("«Φίλος»", "ΦΊΛΟΣ"),
        ("ışık", "IŞIK"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "Café…"),
        ("it’s", "“it's”"),
    ],
)
def test_words_are_found_in_other_capitals_quotes_and_normal_forms(training: str, later: str) -> None:
    dataset = load_input(ENTRY, a=objects(*[training] * 6, *[later] * 6))
    assert (all_rows(dataset) == 2).all()
    assert prepare(dataset, {"x": objects(later, "other")})[:, 0].tolist() == [2, 1]


def test_short_texts_are_also_read_as_the_groups_of_letters_that_several_have() -> None:
    dataset = load_input(LETTERS, a=objects(*["Sand Hill"] * 3, *["Sandy Hall"] * 3, *["Northfield"] * 6))
    longest = dataset.inputs["x"].vocabularies[2]
    assert longest == 2
    assert all_rows(dataset).shape[1] > longest
    names = set(dataset.inputs["x"].groups)
    assert {"s a", "s a n d", "d   h"} <= names
    known, other = prepare(dataset, {"x": objects("sandhill", "xqx")})
    assert known[:2].tolist() == other[:2].tolist() == [1, 0]
    assert (known[2:] > 1).sum() > 10
    assert not (other[2:] > 1).any()


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        ({"letters": 0}, ["Sand Hill"] * 12),
        ({}, ["many words " * 10] * 12),
        ({}, [chr(ord("a") + i) * 2 for i in range(12)]),
    ],
)
def test_long_texts_and_texts_that_share_no_letters_are_read_as_words(
    options: dict[str, Any], cells: list[str]
) -> None:
    assert len(load_input(LETTERS | options, a=objects(*cells)).inputs["x"].vocabularies) == 1


def test_without_folding_texts_are_read_as_in_version_0_1() -> None:
    dataset = load_input(ENTRY | {"fold": False}, a=objects(*["ХОРОШО, One"] * 6, *["хорошо one"] * 6))
    assert prepare(dataset, {"x": objects("ХОРОШО ONE", "хорошо one")}).min(axis=1).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("cells", "warned"),
    [
        (["这部电影非常好看，我很喜欢", "不好看"], True),
        (["หนังเรื่องนี้ดีมาก", "ไม่ดีเลย"], True),
        (["映画はとても良かった。 また見たい"], True),
        (["CCOC1=CC=CC=C1N", "CCN(CC)CC(=O)C"], True),
        (["a good film", "bad"], False),
        (["хороший фильм", ""], False),
        (["영화가 정말 좋았다"], False),
    ],
)
def test_texts_without_blanks_are_said_to_need_characters(
    cells: list[str], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    column = objects(*(cells * ROWS)[:ROWS])
    with caplog.at_level(logging.WARNING):
        load_input(ENTRY, a=column)
    assert ("data.inputs.x.split=character" in caplog.text) == warned
    caplog.clear()
    load_input(ENTRY | {"split": "character"}, a=column)
    assert not caplog.text


def test_texts_of_single_letters_have_no_groups_of_letters() -> None:
    dataset = load_input(LETTERS, a=objects(*["a", "b"] * (ROWS // 2)))
    assert dataset.inputs["x"].vocabularies == (4,)
