"""Composes and finds the names of the metrics `flow/…` in MLflow; docs/insight.md says what they measure."""

from collections.abc import Iterable
from itertools import permutations

PREFIX = "flow/"
# Measures of the gradient that a head sends into a branch; docs/insight.md describes them.
MEASURES = ("", "_raw", "_weights", "_weights_raw", "_share")


def sent(head: str, branch: str, measure: str = "") -> str:
    """The gradient that a head sends into a branch; `measure` is one of MEASURES."""
    return f"flow/{head}_to_{branch}{measure}"


def received(branch: str, head: str) -> str:
    """A head's share of the gradient that a branch receives."""
    return f"flow/{branch}_from_{head}"


def cosine(a: str, b: str, part: str | None = None) -> str:
    """The cosine of two heads' gradients, on all weights that both reach or on one part of the model."""
    return f"flow/cos_{a}_{b}" if part is None else f"flow/cos_{a}_{b}_on_{part}"


def conflict(a: str, b: str, part: str | None = None) -> str:
    """How often that cosine is below 0, on all weights that both reach or on one part of the model."""
    return f"flow/conflict_{a}_{b}" if part is None else f"flow/conflict_{a}_{b}_on_{part}"


def update(part: str) -> str:
    """The relative change of a part's weights over an epoch; parts are named as in `model.layer_names`."""
    return f"flow/update_{part}"


def essential(heads: Iterable[str], branches: Iterable[str]) -> set[str]:
    """What MLflow shows of every run: the gradient of each head into each branch, and how heads agree.

    The other numbers are in the report and in its `tables/history.csv`; `insight=full` logs all of them.
    """
    heads = list(heads)
    gradients = {sent(head, branch) for branch in branches for head in heads}
    return gradients | {cosine(a, b) for a, b in permutations(heads, 2)}


def conflict_parts(names: Iterable[str], a: str, b: str) -> dict[str, str]:
    """The parts on which the conflict of two heads was measured, with the metrics' names."""
    return _rests(names, conflict(a, b, ""))


def updated_parts(names: Iterable[str]) -> dict[str, str]:
    """The parts whose change was measured, with the metrics' names."""
    return _rests(names, update(""))


def _rests(names: Iterable[str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
