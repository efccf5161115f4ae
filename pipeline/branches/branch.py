"""The arguments that all branches share."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Branch:
    """The arguments that all branches share.

    Args:
        dropout: dropout rate after each dense or recurrent layer and in transformer blocks; if the branch has
            none of these, once at the end.
        dropout_input: share of training rows whose whole input is treated as missing, so that the model
            learns to do without it.
        learning_rate: factor on every update of this branch's weights; 0 freezes them.

    The class constant `kinds` names the kinds of input that the branch accepts; the config checks read it
    from the source code.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    dropout: float = 0.0
    dropout_input: float = 0.0
    learning_rate: float = 1.0
