"""Texts as word ids (rows, length): 0 is padding, 1 a word that is not in the training texts.

Ids of groups of letters may follow those of the words, see `Vocabularies`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from keras import KerasTensor, layers, ops

from pipeline.branches.attention import attend_steps, with_positions
from pipeline.branches.branch import Branch
from pipeline.branches.codes import hide
from pipeline.branches.stack import dense_stack, dropped
from pipeline.branches.steps import convolve_steps, mean_over_steps, pool_steps

UNSEEN = 1


class Vocabularies(NamedTuple):
    """What the ids of a text stand for: words or, in all columns from `longest` on, groups of letters.

    Args:
        words, letters: number of different ids.
        longest: number of columns of words.
    """

    words: int
    letters: int = 0
    longest: int | None = None


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

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int]) -> KerasTensor:
        sizes = Vocabularies(*vocabularies)
        words = x[:, : sizes.longest] if sizes.letters else x
        features = pool_steps(*self.read(*self.embedded(words, sizes.words, name), name), self.pooling)
        if sizes.letters:
            letters = self.embedded(x[:, sizes.longest :], sizes.letters, f"{name}_letters")
            features = layers.Concatenate(name=f"{name}_features")([features, mean_over_steps(*letters)])
        return dense_stack(features, self.units, self.activation, self.dropout, name)

    def embedded(self, ids: KerasTensor, size: int, name: str) -> tuple[KerasTensor, KerasTensor]:
        """Return the embedded ids (rows, length, embedding) and which are not padding (rows, length, 1)."""
        hidden = hide(ids, self.unseen, UNSEEN, name)
        x = layers.Embedding(size, self.embedding, name=f"{name}_embedding")(hidden)
        real = ops.expand_dims(ops.not_equal(ids, 0), -1)
        return dropped(x, self.dropout_words, f"{name}_dropout_words"), real

    def read(self, x: KerasTensor, real: KerasTensor, name: str) -> tuple[KerasTensor, KerasTensor]:
        """Relate the embedded words to each other; return the same shapes."""
        return x, real


@dataclass(frozen=True, kw_only=True)
class TextBag(Text):
    """A bag of words: the mean (or maximum) of the words' embeddings, without their order."""


@dataclass(frozen=True, kw_only=True)
class TextConv(Text):
    """Convolutions over the words: detects short phrases anywhere in the text.

    Args:
        filters: number of filters of each layer.
    """

    filters: Sequence[int]
    kernel_size: int = 3
    padding: Literal["same", "valid"] = "same"

    def read(self, x: KerasTensor, real: KerasTensor, name: str) -> tuple[KerasTensor, KerasTensor]:
        return convolve_steps(
            x,
            real,
            self.filters,
            kernel_size=self.kernel_size,
            padding=self.padding,
            activation=self.activation,
            name=name,
        )


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

    def read(self, x: KerasTensor, real: KerasTensor, name: str) -> tuple[KerasTensor, KerasTensor]:
        attended = attend_steps(
            with_positions(x, self.position, self.longest, name),
            real,
            blocks=self.blocks,
            attention_heads=self.attention_heads,
            expansion=self.expansion,
            activation=self.activation,
            dropout=self.dropout,
            name=name,
        )
        return attended, real
