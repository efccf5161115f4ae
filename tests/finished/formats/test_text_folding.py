"""Texts folded in a TensorFlow graph, as in Python."""

import random
import unicodedata

import pytest
import tensorflow as tf

from pipeline.finished.formats.text_folding import TextFolding
from pipeline.folding import fold

WORDS = [
    *(
        "Straße",
        "İstanbul",
        "ISI ısı",
        "Ὀδυσσεύς",
        "Việt Nam",
        "한국어",
        "Café",
        "l’été — ‘42’",
        "👩‍👩‍👧 family",
    ),
    *("ﬁn", "Ａｂｃ ｶﾞ", "क़लम", "ข้าว", "", "Å", "ΣΊΣΥΦΟΣ", "x\u200by", "½ № ™", "plain ASCII, Words!"),
]
SCRIPTS = [
    (0xA0, 0x250),
    (0x370, 0x530),
    (0x900, 0xE80),
    (0x1E00, 0x2000),
    (0x3040, 0x3100),
    (0xAC00, 0xAD00),
]


@pytest.mark.slow
def test_the_graph_folds_like_the_function_whatever_the_normal_form_of_a_text():
    rng = random.Random(0)
    drawn = ["".join(chr(rng.randrange(*rng.choice(SCRIPTS))) for _ in range(5)) for _ in range(500)]
    texts = [unicodedata.normalize(form, text) for text in WORDS + drawn for form in ("NFC", "NFD")]
    found = [text.decode() for text in TextFolding()(tf.constant(texts)).numpy()]
    wrong = [(text, fold(text), one) for text, one in zip(texts, found, strict=True) if fold(text) != one]
    # Random marks one after another may be sorted in another way.
    assert len(wrong) <= 10, wrong
    assert found[: 2 * len(WORDS)] == [fold(text) for text in texts[: 2 * len(WORDS)]]
