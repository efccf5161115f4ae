"""Words of a command line that Hydra would read as numbers, flags or nothing."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline.config.quoting import advice, quote_texts, quoted, several_values

TEXTS = ["8188", "8e1", "true", "null x", "rows (1).csv", "it's", "a=b", "C:\\data\\", "\\'", "ж, я"]


def value(word):
    return OverridesParser.create().parse_override(word).value()


@pytest.mark.parametrize("text", TEXTS)
def test_a_quoted_text_is_that_text_to_hydra(text):
    parsed = value(f"run={quoted(text)}")
    assert getattr(parsed, "text", parsed) == text
    assert quoted(quoted(text)) == quoted(text)


@pytest.mark.parametrize("text", ["8188", "8e1", "true", "rows (1).csv", "a:b c'"])
def test_values_that_hydra_would_not_read_as_texts_are_quoted(text):
    (word,) = quote_texts([f"run={text}"], ["run"])
    assert word == f"run={quoted(text)}"


@pytest.mark.parametrize(
    "word",
    ["run=abc", "run=a,b", "run=[a.csv,b.csv]", "run={a: b}", "run=null", "run='8188'", "seed=3", "-m"],
)
def test_other_words_are_left_as_they_are(word):
    assert quote_texts([word], ["run"]) == [word]


def test_a_key_may_be_added_with_a_plus():
    assert quote_texts(["+data=2024"], ["data"]) == ["+data='2024'"]


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("[a,b].csv", "'[a,b].csv'"),
        ("[rows (1).csv,b.csv]", "['rows (1).csv','b.csv']"),
        ("{s: rows (1).csv, t: b.csv}", "{s: 'rows (1).csv', t: 'b.csv'}"),
        ("{z}", "'{z}'"),
        ("a {b}", "'a {b}'"),
    ],
)
def test_items_that_hydra_cannot_read_are_quoted(text, quotes):
    assert quote_texts([f"input={text}"], ["input"]) == [f"input={quotes}"]
    value(f"input={quotes}")


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("[8188,1e5]", "['8188','1e5']"),
        ("[a, 7 ,true,'8,5']", "[a,'7','true','8,5']"),
        ("[a,null]", "[a,null]"),
        ("[[1,2],3]", "[[1,2],3]"),
    ],
)
def test_numbers_in_a_list_of_texts_are_quoted(text, quotes):
    assert quote_texts([f"runs={text}"], ["runs"]) == [f"runs={quotes}"]


def test_several_values_are_shown_as_what_may_be_meant():
    assert several_values("data=x,y", group=True).startswith("\"data='x,y'\" for one name")
    assert several_values("a.b=x,y", group=False).startswith('"a.b=[x,y]" for a list')


def test_advice_can_be_pasted():
    assert advice("heads.a=b (c)") == "\"heads.a='b (c)'\""
    assert advice("seed") == "seed=<value>"
