"""Texts are folded to one form for what readers take for the same, in every script."""

import unicodedata

import keras
import numpy as np
import pytest

from pipeline.folding import FOLDED, fold, fold_texts


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("ПРИВЕТ МИР", "привет мир"),
        ("ΦΊΛΟΣ", "φίλος"),
        ("ΟΔΥΣΣΕΎΣ ΣΟΦΌΣ", "Οδυσσεύς σοφός"),
        ("DIŞ İSTANBUL IŞIK", "dış istanbul ışık"),
        ("STRASSE STRAẞE", "straße Straße"),
        ("CAFÉ", "cafe\u0301"),
        ("ПОДЪЕ\u0301ЗД", "подъ\u0435\u0301зд"),
        ("가", unicodedata.normalize("NFD", "가")),
        ("ＡＢＣ １２ ﬁ Ⅻ", "abc 12 fi xii"),
        ("ｶﾞ", "ガ"),
        ("ԲԱՐԵՒ", "բարև"),  # the capitals write a ligature as two letters
        ("don’t don´t", "don't don't"),
        ("м’я мʼя", "м'я м'я"),
        ("co‑op e−mail", "co-op e-mail"),
        ("«Привет» „мир“ — “да” ‹нет›", "привет мир да нет"),
        ("¿qué? ¡sí!", "qué? sí!"),
        ("слово—слово…слово", "слово слово слово"),
        ("「日本」、東京。大阪，京都！", "日本 東京 大阪 京都"),
        ("नमस्ते। दुनिया॥", "नमस्ते दुनिया"),
        ("مرحبا، كيف؟", "مرحبا كيف"),
        ("Ի՞նչ է", "ինչ է"),
        ("soft\u00adhyphen \u200fabc\ufeff", "softhyphen abc"),
        ("à\u00a0la\u3000carte\u2028fin", "à la carte fin"),
        ("มา\u200bแล้ว", "มา แล้ว"),
        ("gut👍️", "gut 👍"),
    ],
)
def test_what_readers_take_for_the_same_has_one_form(written: str, same: str) -> None:
    assert fold(written).split() == fold(same).split()
    assert fold(fold(written)).split() == fold(written).split()


def test_what_differs_stays_different() -> None:
    words = ["été", "ete", "й", "и", "ё", "е", "n", "ñ", "か", "が", "से", "स", "😀", "😡", "ä", "a"]
    assert len({fold(word) for word in words}) == len(words)
    assert fold("a-b, c's") == "a-b, c's"  # Keras' layer removes ASCII punctuation


def test_capitals_of_every_cased_letter_are_folded_to_the_same_form() -> None:
    letters = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) == "Ll"]
    different = [letter for letter in letters if fold(letter.upper()) != fold(letter)]
    assert different == ["ŉ"]  # deprecated; it stands for ʼn


def test_only_inputs_of_layers_for_folded_words_are_folded() -> None:
    tensors = {name: keras.Input((), dtype="string", name=name) for name in ("new", "old", "code")}
    layer = keras.layers.TextVectorization
    outputs = {
        "new": layer(vocabulary=["привет"], name=f"new{FOLDED}")(tensors["new"]),
        "old": layer(vocabulary=["привет"], name="text_vectorization")(tensors["old"]),
        "code": keras.layers.StringLookup(vocabulary=["ПРИВЕТ"])(tensors["code"]),
    }
    texts = np.array(["ПРИВЕТ", ""], dtype=object)
    found = fold_texts(keras.Model(tensors, outputs), {"new": texts, "old": texts, "code": texts})
    assert {name: values.tolist() for name, values in found.items()} == {
        "new": ["привет", ""],
        "old": ["ПРИВЕТ", ""],  # as a model of version 0.1 has been trained
        "code": ["ПРИВЕТ", ""],
    }
