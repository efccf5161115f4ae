"""Texts: words looked up in the vocabulary of the training rows."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data.columns import ColumnReader, strings
from pipeline.data.kinds.letters import MOST_WORDS, fit_letters, letter_layer
from pipeline.data.kinds.prepare import Specs
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from pipeline.folding import FOLDED, fold

MOST_TOKENS = 256  # the longest text that is kept in full if `longest` is not set
SPLIT_BY = ("whitespace", "character")
SAMPLE = 1000  # training texts in which blanks are looked for
LONG = 12  # letters: a text of so many has several words
# Scripts without blanks between words: Thai, Lao, Myanmar, Khmer, kana, and the Chinese characters.
WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Text:
    """Words as token ids: 0 = padding, 1 = unseen; an empty text is missing.

    Words are compared without punctuation and without regard to capitals, see `pipeline.folding.fold`.

    Args:
        column: strings (rows,).
        tokens: size of the vocabulary: the most frequent words of the training rows, padding and unseen.
        longest: number of tokens to which a text is cut; None: that of the longest training text, up to 256.
        split: "whitespace", or "character" for languages without spaces between words.
        fold: False compares words as version 0.1 did: without capitals and punctuation of ASCII only.
        letters: largest number of groups of letters that are looked up beside the words of short texts, see
            `pipeline.data.kinds.letters`; 0 for none.

    The prepared text is (rows, longest) ids of words, followed by those of its groups of letters if there are
    any; then `vocabularies` is (words, groups, longest).
    """

    kind: ClassVar[str] = "text"
    prepare_in_model: ClassVar[bool] = False

    column: str
    tokens: int = 20_000
    longest: int | None = None
    split: str = "whitespace"
    fold: bool = True
    letters: int = 20_000

    name: str = field(init=False)
    words: list[str] = field(init=False)
    groups: list[str] = field(init=False, default_factory=list)
    most_groups: int = field(init=False, default=0)

    @property
    def vocabularies(self) -> tuple[int, ...]:
        words = len(self.words) + 2
        return (words, len(self.groups) + 2, self.longest or 0) if self.groups else (words,)

    def references(self) -> dict[str, str]:
        return {self.column: "column"}

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        key = f"data.inputs.{name}"
        self.name = name
        self._check_options(key)
        layer = keras.layers.TextVectorization(max_tokens=self.tokens, split=self.split)
        layer.reset_state()
        first = ""
        for rows in sources.blocks([self.column], f"{key}.column", train):
            texts = self.raw(sources, rows)[name]
            first = first or next((text for text in texts if text), "")
            layer.update_state(self._tensor(texts))
        layer.finalize_state()
        if not first:
            raise ConfigError(f"{key}.column", "no training row has a text", found=self.column)
        self.words = layer.get_vocabulary(include_special_tokens=False)
        if not self.words:
            problem = "no training row has a word, only punctuation"
            raise ConfigError(f"{key}.column", problem, found=repr(first))
        if self.longest is None:
            blocks = sources.blocks([self.column], f"{key}.column", train)
            self.longest = min(max(self._longest(layer, sources, rows) for rows in blocks), MOST_TOKENS)
        if self.letters and self.longest <= MOST_WORDS:
            self._fit_letters(sources, train)
        if self.split == "whitespace":
            self._look_for_blanks(self.raw(sources, train[:SAMPLE])[name])

    def restore(self, name: str, specs: Specs) -> None:
        self.name = name

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {self.name: strings(sources.part(self.column, f"data.inputs.{self.name}.column", rows))}

    def specs(self) -> Specs:
        return {self.name: ((), "string")}

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        """Looks up the words of texts; the layer's name says whether they are folded, see `fold_texts`."""
        layer = keras.layers.TextVectorization(
            vocabulary=self.words,
            split=self.split,
            output_sequence_length=self.longest,
            name=f"{self.name}{FOLDED}" if self.fold else None,
        )
        words = keras.ops.cast(layer(tensors[self.name]), "int32")
        if not self.groups:
            return words
        letters = letter_layer(
            self.groups,
            output_sequence_length=self.most_groups,
            name=f"{self.name}_letters{FOLDED}" if self.fold else None,
        )
        return keras.ops.concatenate([words, keras.ops.cast(letters(tensors[self.name]), "int32")], axis=1)

    def _check_options(self, key: str) -> None:
        if self.split not in SPLIT_BY:
            raise ConfigError(
                f"{key}.split", "there is no such way to split a text", found=self.split, allowed=SPLIT_BY
            )
        if self.tokens < 3:
            raise ConfigError(
                f"{key}.tokens", "the vocabulary is too small", found=self.tokens, allowed="3 or more"
            )

    def _tensor(self, texts: Iterable[str]) -> KerasTensor:
        words = [fold(text) for text in texts] if self.fold else list(texts)
        return keras.ops.convert_to_tensor(words, dtype="string")

    def _fit_letters(self, sources: Sources, train: np.ndarray) -> None:
        def texts() -> Iterator[KerasTensor]:
            for rows in sources.blocks([self.column], f"data.inputs.{self.name}.column", train):
                yield self._tensor(self.raw(sources, rows)[self.name])

        self.groups, self.most_groups = fit_letters(texts, self.letters)

    def _longest(self, layer: keras.layers.Layer, sources: Sources, rows: np.ndarray) -> int:
        return int(layer(self._tensor(self.raw(sources, rows)[self.name])).shape[1])

    def _look_for_blanks(self, texts: Iterable[str]) -> None:
        """Warns if most texts have no blanks between their words."""
        written = [fold(text).strip() for text in texts]
        present = [text for text in written if text]
        unbroken = [text for text in present if len(text) >= LONG and not any(map(str.isspace, text))]
        letters = "".join(present)
        marked = len(WITHOUT_BLANKS.findall(letters))
        if 2 * len(unbroken) > len(present) or 2 * marked > len(letters):
            logger.warning(
                "%s: most texts have no blanks between words, as in Chinese or Thai, so each is looked up as "
                "a whole; data.inputs.%s.split=character looks up characters",
                *(self.name, self.name),
            )
