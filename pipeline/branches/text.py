"""Texts as word ids (rows, length): 0 is padding, 1 a word that is not in the training texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from keras import KerasTensor, layers, ops

from pipeline.branches.attention import attend_steps, with_positions
from pipeline.branches.branch import Branch
from pipeline.branches.codes import hide
from pipeline.branches.stack import dense_stack, dropped
from pipeline.branches.steps import convolve_steps, pool_steps

UNSEEN = 1


@dataclass(frozen=True, kw_only=True)
class Text(Branch):
    """The arguments that all text branches share.

    Args:
        embedding: size of a word's embedding.
        unseen: share of the words that are replaced by the id for unseen ones in training.
        dropout_words: dropout rate of the embedded words.
        pooling: how the words are pooled at the end.
        units: sizes of the dense layers after the pooling.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    embedding: int = 64
    unseen: float = 0.0
    dropout_words: float = 0.0
    pooling: Literal["max", "average"] = "average"
    units: Sequence[int] = ()
    activation: str = "relu"

    def words(
        self, ids: KerasTensor, vocabularies: Sequence[int], name: str
    ) -> tuple[KerasTensor, KerasTensor]:
        """Return the embedded words (rows, length, embedding) and which are not padding (rows, length, 1)."""
        hidden = hide(ids, self.unseen, UNSEEN, name)
        x = layers.Embedding(vocabularies[0], self.embedding, name=f"{name}_embedding")(hidden)
        real = ops.expand_dims(ops.not_equal(ids, 0), -1)
        return dropped(x, self.dropout_words, f"{name}_dropout_words"), real

    def pooled(self, x: KerasTensor, real: KerasTensor, name: str) -> KerasTensor:
        """Pool the words to features (rows, features)."""
        return dense_stack(pool_steps(x, real, self.pooling), self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class TextBag(Text):
    """A bag of words: the mean (or maximum) of the words' embeddings, without their order."""

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int]) -> KerasTensor:
        return self.pooled(*self.words(x, vocabularies, name), name)


@dataclass(frozen=True, kw_only=True)
class TextConv(Text):
    """Convolutions over the words: detects short phrases anywhere in the text.

    Args:
        filters: number of filters of each layer.
    """

    filters: Sequence[int]
    kernel_size: int = 3
    padding: Literal["same", "valid"] = "same"

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int]) -> KerasTensor:
        embedded, real = self.words(x, vocabularies, name)
        convolved = convolve_steps(
            embedded,
            real,
            self.filters,
            kernel_size=self.kernel_size,
            padding=self.padding,
            activation=self.activation,
            name=name,
        )
        return self.pooled(*convolved, name)


@dataclass(frozen=True, kw_only=True)
class TextTransformer(Text):
    """A transformer over the words of a text; `embedding` must be a multiple of `attention_heads`.

    Args:
        expansion: the dense layer of a block has `expansion` x `embedding` units.
        position: position encoding.
        longest: number of learned positions; later words share the last one.
    """

    blocks: int = 2
    attention_heads: int = 4
    expansion: int = 2
    position: Literal["sinusoidal", "learned", "none"] = "sinusoidal"
    longest: int = 512

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int]) -> KerasTensor:
        embedded, real = self.words(x, vocabularies, name)
        attended = attend_steps(
            with_positions(embedded, self.position, self.longest, name),
            real,
            blocks=self.blocks,
            attention_heads=self.attention_heads,
            expansion=self.expansion,
            activation=self.activation,
            dropout=self.dropout,
            name=name,
        )
        return self.pooled(attended, real, name)
