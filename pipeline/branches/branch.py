"""What every branch takes."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What every branch takes.

    Args:
        dropout: share of the features that are dropped in training, after each dense or recurrent layer and
            once at the end.
        dropout_input: share of the rows for which the whole input is treated as missing in training, so
            that the model learns to do without it.
        learning_rate: factor on every update of this branch's weights; 0 freezes them.

    `kinds` of input are those that the branch takes; the config checks read them from the source.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    dropout: float = 0.0
    dropout_input: float = 0.0
    learning_rate: float = 1.0
