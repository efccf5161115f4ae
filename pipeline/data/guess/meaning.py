"""What a column means, whether it becomes an input or a target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The kinds of columns. A flag is yes or no; flags are several in one cell; parts are shares that add up to 1.
KINDS = (
    *("number", "flag", "class", "text", "date", "image", "series", "vector", "labels", "flags", "parts"),
    *("identifier", "constant", "empty", "other"),
)


@dataclass(frozen=True)
class Meaning:
    """What a column means.

    Args:
        kind: one of `KINDS`.
        why: the reason, as a comment.
        other: what else it might be, as a comment.
        distinct: how many different values it has; 0 if nobody counted.
        repeats: how many rows have the same value, on average.
        options: options of its input or target: `root` and `size` of images, `separator` of labels …
    """

    kind: str
    why: str
    other: str = ""
    distinct: int = 0
    repeats: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def comment(self) -> str:
        return f"{self.why}; {self.other}" if self.other else self.why
