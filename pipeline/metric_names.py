"""The grammar of metric names, `<split>/<head>_<word>`, and whether larger or smaller values are better.

Combined metrics, of all heads together, have no head: `val/loss`. This module imports nothing heavy, so that
a sweep can use it before it imports TensorFlow.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Value = TypeVar("Value")
# The last word of a metric's name decides; those of Keras metrics are here too.
SMALLER_IS_BETTER = {"loss", "unweighted", "mae", "rmse", "pinball", "ece", "error", "crossentropy", "hinge"}
SMALLER_IS_BETTER |= {"poisson", "divergence", "cosh", "negatives", "positives", "size", "width"}
LARGER_IS_BETTER = {"accuracy", "f1", "auc", "ap", "r2", "skill", "floored", "precision", "recall", "score"}
LARGER_IS_BETTER |= {"coverage", "similarity", "iou", "specificity", "sensitivity", "correlation"}
AT_MOST_ONE = {"accuracy", "f1", "auc", "ap", "r2", "skill", "precision", "recall", "ece", "coverage"}
COMBINED = ("loss", "loss_unweighted", "skill", "skill_floored")


@dataclass(frozen=True)
class Scores:
    """The metrics of one pass over a split.

    Args:
        combined: word -> value, for all heads together.
        heads: head -> word -> value; undefined metrics are absent.
    """

    combined: dict[str, float]
    heads: dict[str, dict[str, float]]

    def named(self, split: str) -> dict[str, float]:
        """Return metric name -> value, as in MLflow.

        Example:
            >>> Scores({"loss": 0.5}, {"class": {"accuracy": 0.9}}).named("val")
            {'val/loss': 0.5, 'val/class_accuracy': 0.9}
        """
        metrics = {name_of(split, None, word): value for word, value in self.combined.items()}
        for head, values in self.heads.items():
            metrics |= {name_of(split, head, word): value for word, value in values.items()}
        return metrics


def name_of(split: str, head: str | None, word: str) -> str:
    """Return the name of a head's metric, `val/class_accuracy`, or for None of a combined one, `val/loss`."""
    return f"{split}/{word}" if head is None else f"{split}/{head}_{word}"


def skill_of(head: str | None = None) -> str:
    """Return the name of the kept epoch's validation skill: a head's, or for None the mean over the heads."""
    return "best/val_skill" if head is None else f"best/val_{head}_skill"


def weight_of(head: str) -> str:
    """Return the name of a head's loss weight x balancer weight: `weight/class`."""
    return f"weight/{head}"


def share_of(head: str) -> str:
    """Return the name of a head's share of the weighted training loss: `share/class`."""
    return f"share/{head}"


def threshold_of(head: str) -> str:
    """Return the name of the probability above which a binary head says yes: `threshold/late`."""
    return f"threshold/{head}"


def skilled_heads(names: Iterable[str], order: Sequence[str] = ()) -> list[str]:
    """Return the heads whose `skill_of` is among the names: those of `order` first, the others sorted."""
    matches = (re.fullmatch(r"best/val_(.+)_skill", name) for name in names)
    heads = sorted({match[1] for match in matches if match})
    places = {head: place for place, head in enumerate(order)}
    return sorted(heads, key=lambda head: places.get(head, len(places)))


def base_name(metric: str) -> str:
    """Remove the part before the slash, for file names: `best/val_skill` becomes `val_skill`."""
    return metric.rpartition("/")[2]


def owner(rest: str, heads: Collection[str]) -> str | None:
    """Return the head of a metric, or None for a combined metric.

    Args:
        rest: name without the split, such as `class_accuracy`. With heads `a` and `a_b`, `a_b_loss` belongs
            to `a_b`.
    """
    ends = [place for place, letter in enumerate(rest) if letter == "_"]
    return next((rest[:end] for end in reversed(ends) if rest[:end] in heads), None)


def by_head(metrics: Mapping[str, Value], split: str, heads: Collection[str]) -> dict[str, dict[str, Value]]:
    """Return the metrics of one split: head -> word -> value."""
    values: dict[str, dict[str, Value]] = {head: {} for head in heads}
    for name, value in metrics.items():
        if name.startswith(f"{split}/"):
            rest = name.removeprefix(f"{split}/")
            if (head := owner(rest, values)) is not None:
                values[head][rest.removeprefix(f"{head}_")] = value
    return values


def direction(metric: str) -> str:
    """Return "min" if smaller values of a metric are better, else "max"; its last word decides."""
    return "min" if _last_word(metric) in SMALLER_IS_BETTER else "max"


def place(metric: str) -> int:
    """Return where a metric stands among those of a run: first `val/skill`, last the flow.

    Example:
        >>> sorted(["flow/a_to_x", "test/loss", "train/a_loss", "val/loss", "val/skill"], key=place)
        ['val/skill', 'val/loss', 'train/a_loss', 'test/loss', 'flow/a_to_x']
    """
    split, _, rest = metric.partition("/")
    if metric == "val/skill":
        return 0
    if split in ("train", "val"):
        return 1 if rest in COMBINED else 2
    return {"test": 3, "flow": 5}.get(split, 4)


def has_direction(metric: str) -> bool:
    """Return whether it is known if larger or smaller values of a metric are better."""
    return _last_word(metric) in SMALLER_IS_BETTER | LARGER_IS_BETTER


def _last_word(metric: str) -> str:
    return re.split(r"[_/]", metric)[-1]


def sign(metric: str) -> int:
    """Return 1 if larger values of a metric are better, -1 if smaller values are."""
    return -1 if direction(metric) == "min" else 1


def short(metric: str) -> str:
    """Return a metric's name on pages: `best/val_class_skill` becomes `class skill (val)`."""
    split, _, rest = metric.rpartition("/")
    if split == "best":
        split, _, rest = rest.partition("_")
    return f"{rest.replace('_', ' ')} ({split})" if split else rest


def metric_names(heads: Mapping[str, Any], prefixes: Sequence[str]) -> list[str]:
    """Return the names of all metrics that the configured heads produce.

    Training rows have no skill and no ece, test rows no floored skill.

    Args:
        heads: name -> config node of the head.
        prefixes: beginnings of the names: "val/", "best/val_" …
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
        if name != "skill_floored" or prefix.endswith(("val/", "val_"))
    ]


def metric_word(metric: str | Mapping[str, Any]) -> str:
    """Return the word of a configured metric; that of a Keras metric is its name."""
    if isinstance(metric, str):
        return metric
    class_name = metric["_target_"].rpartition(".")[2]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    return str(metric.get("name", snake))
