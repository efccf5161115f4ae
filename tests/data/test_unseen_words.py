"""The share of words that the training texts do not have."""

from types import SimpleNamespace

import pytest

from pipeline import check, data
from pipeline.job import report_record
from tests.data.small_data import NUMBERS, load_input, objects


def test_the_share_is_that_of_the_words_in_validation_rows_without_padding() -> None:
    texts = objects(*["one two"] * 6, "one three", "", "TWO", *["new words"] * 3)
    dataset = load_input({"kind": "text", "column": "s.a"}, a=texts)
    assert data.unseen_shares(dataset) == {"x": pytest.approx(1 / 3)}
    assert data.unseen_shares(dataset, "test") == {"x": 1.0}
    assert data.unseen_sentences(dataset) == [
        "x: 33.3 % of the words in validation rows are not in the vocabulary of the training rows"
    ]


def test_other_inputs_have_no_such_share() -> None:
    assert not data.unseen_sentences(load_input({"kind": "vector", "column": "s.a"}, a=NUMBERS))


def test_check_and_the_report_say_it() -> None:
    texts = load_input({"kind": "text", "column": "s.a"}, a=objects(*["one two"] * 6, *["three"] * 6))
    numbers = load_input({"kind": "vector", "column": "s.a"}, a=NUMBERS)
    job = SimpleNamespace(dataset=texts)
    sentence = data.unseen_sentences(texts)[0]
    assert check._texts(job) == {"texts": sentence}
    assert [section.paragraphs for section in report_record._texts(job)] == [[sentence]]
    assert check._texts(SimpleNamespace(dataset=numbers)) == {}
    assert report_record._texts(SimpleNamespace(dataset=numbers)) == []
