"""The grammar of metric names, `<split>/<head>_<word>`, and which way each metric is better.

Metrics of all heads together have no head: `val/loss`. This module imports nothing heavy, so a sweep can use
it before TensorFlow is imported.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Value = TypeVar("Value")
SMALLER_IS_BETTER = {"loss", "unweighted", "mae", "rmse", "pinball", "ece"}
COMBINED = ("loss", "loss_unweighted", "skill")


@dataclass(frozen=True)
class Scores:
    """The metrics of one pass over a split.

    Args:
        combined: word -> value of all heads together.
        heads: head -> word -> value; undefined metrics are absent.
    """

    combined: dict[str, float]
    heads: dict[str, dict[str, float]]

    def named(self, split: str) -> dict[str, float]:
        """Metric name -> value, as in MLflow.

        Example:
            >>> Scores({"loss": 0.5}, {"class": {"accuracy": 0.9}}).named("val")
            {'val/loss': 0.5, 'val/class_accuracy': 0.9}
        """
        found = {name_of(split, None, word): value for word, value in self.combined.items()}
        for head, values in self.heads.items():
            found |= {name_of(split, head, word): value for word, value in values.items()}
        return found


def name_of(split: str, head: str | None, word: str) -> str:
    """The name of a head's metric, `val/class_accuracy`; with None that of all heads together, `val/loss`."""
    return f"{split}/{word}" if head is None else f"{split}/{head}_{word}"


def skill_of(head: str | None = None) -> str:
    """The validation skill at the kept epoch, by which trials are chosen: of one head, or the heads' mean."""
    return "best/val_skill" if head is None else f"best/val_{head}_skill"


def weight_of(head: str) -> str:
    """The name of a head's weight in force: `weight/class`."""
    return f"weight/{head}"


def share_of(head: str) -> str:
    """The name of a head's share of the weighted training loss: `share/class`."""
    return f"share/{head}"


def skilled_heads(names: Iterable[str]) -> list[str]:
    """The heads whose `skill_of` is among the names, sorted."""
    matches = (re.fullmatch(r"best/val_(.+)_skill", name) for name in names)
    return sorted({match[1] for match in matches if match})


def base_name(metric: str) -> str:
    """A metric without its section, as part of a file name: `best/val_skill` becomes `val_skill`."""
    return metric.rpartition("/")[2]


def owner(rest: str, heads: Iterable[str]) -> str | None:
    """The head that a metric belongs to, or None if it is of all heads together.

    Args:
        rest: what follows the split, as `class_accuracy`. With heads `a` and `a_b`, `a_b_loss` is of `a_b`.
    """
    return max((head for head in heads if rest.startswith(f"{head}_")), key=len, default=None)


def by_head(numbers: Mapping[str, Value], split: str, heads: Collection[str]) -> dict[str, dict[str, Value]]:
    """The metrics of one split: head -> word -> value."""
    found: dict[str, dict[str, Value]] = {head: {} for head in heads}
    for name, value in numbers.items():
        if name.startswith(f"{split}/"):
            rest = name.removeprefix(f"{split}/")
            if (head := owner(rest, heads)) is not None:
                found[head][rest.removeprefix(f"{head}_")] = value
    return found


def direction(metric: str) -> str:
    """Whether a metric is better when smaller ("min") or larger ("max"), by its last word."""
    return "min" if re.split(r"[_/]", metric)[-1] in SMALLER_IS_BETTER else "max"


def sign(metric: str) -> int:
    """1 if larger values of a metric are better, -1 if smaller ones are."""
    return -1 if direction(metric) == "min" else 1


def short(metric: str) -> str:
    """A metric as a page names it: `best/val_class_skill` becomes `class skill (val)`."""
    split, _, rest = metric.rpartition("/")
    if split == "best":
        split, _, rest = rest.partition("_")
    return f"{rest.replace('_', ' ')} ({split})" if split else rest


def metric_names(heads: Mapping[str, Any], prefixes: Sequence[str]) -> list[str]:
    """The metrics that configured heads produce, as in MLflow; training rows have no skill and no ece.

    Args:
        heads: name -> the config node of a head.
        prefixes: what stands before the metric: "val/", "best/val_" …
    """
    names = [*COMBINED]
    for name, head in heads.items():
        words = [metric_word(metric) for metric in head.get("metrics", [])]
        names += [f"{name}_{word}" for word in ("loss", "skill", *words)]
    return [
        f"{prefix}{name}"
        for prefix in prefixes
        for name in names
        if prefix != "train/" or not name.endswith(("skill", "_ece"))
    ]


def metric_word(metric: str | Mapping[str, Any]) -> str:
    """The word of a configured metric: the word itself, or the name that a Keras metric gives itself."""
    if isinstance(metric, str):
        return metric
    class_name = metric["_target_"].rpartition(".")[2]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    return str(metric.get("name", snake))
