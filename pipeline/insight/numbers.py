"""Gradients on the probe -> the numbers of an epoch, as they stand in MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import flow_names
from pipeline.model.layer_names import branch_layer

Array = NDArray[Any]


@dataclass(frozen=True)
class Flow:
    """Gradients of the heads' unweighted losses, one entry per part of the probe.

    Args:
        heads, branches: the names that the arrays' axes go by.
        parts: of the model, one per variable: "branch_image", "fusion", "head_class" …
        rows: (batches, heads, branches) norm of a row's gradient at the branch's output, mean over the rows
            that the head has labels for.
        products: (batches, variables, heads, heads) scalar products of the heads' gradients on each variable.
    """

    heads: list[str]
    branches: list[str]
    parts: list[str]
    rows: Array
    products: Array


def flow_numbers(flow: Flow, weights: Mapping[str, float], *, by_part: bool) -> dict[str, float]:
    """Sizes, shares, cosines and conflicts; what is not defined (a share of nothing) is absent.

    Args:
        weights: head -> the weight in force: loss weight x balancer.
        by_part: also conflicts on every part of the model that two heads reach.
    """
    force = np.array([weights[head] for head in flow.heads])[:, None]
    at_output, on_weights = flow.rows.mean(axis=0), branch_norms(flow)
    sizes = {
        "": force * at_output,
        "_raw": at_output,
        "_weights": force * on_weights,
        "_weights_raw": on_weights,
        "_share": shares(force * on_weights, axis=1),
    }
    found = {
        flow_names.sent(head, branch, word): values[i, m]
        for word, values in sizes.items()
        for i, head in enumerate(flow.heads)
        for m, branch in enumerate(flow.branches)
    }
    received = shares(force * on_weights, axis=0)
    for i, head in enumerate(flow.heads):
        found |= {flow_names.received(branch, head): received[i, m] for m, branch in enumerate(flow.branches)}
    for a, b in combinations(range(len(flow.heads)), 2):
        found |= _pair(flow, a, b, by_part)
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def branch_norms(flow: Flow) -> Array:
    """(heads, branches) norm of a probe batch's gradient on a branch's weights, mean over the batches."""
    squares = np.einsum("svii->svi", flow.products)
    columns = [_of_part(flow, branch_layer(branch)) for branch in flow.branches]
    return np.stack([np.sqrt(squares[:, own].sum(axis=1)).mean(axis=0) for own in columns], axis=1)


def cosines(flow: Flow, a: int, b: int, part: str | None = None) -> Array:
    """(batches,) cosines of two heads' gradients on what both reach; NaN where that is nothing."""
    squares = np.einsum("svii->svi", flow.products).sum(axis=0)
    both = (squares[:, a] > 0) & (squares[:, b] > 0)
    gram = flow.products[:, both if part is None else both & _of_part(flow, part)].sum(axis=1)
    with np.errstate(invalid="ignore"):
        return gram[:, a, b] / np.sqrt(gram[:, a, a] * gram[:, b, b])


def shares(values: Array, axis: int) -> Array:
    """Parts of the sum along an axis; NaN where all are 0."""
    total = values.sum(axis=axis, keepdims=True)
    return np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0)


def silent(flow: Flow, weights: Mapping[str, float]) -> list[str]:
    """A sentence for every head that sends, and every branch that gets, exactly no gradient."""
    force = np.array([weights[head] for head in flow.heads])
    squares = np.einsum("svii->vi", flow.products)
    found = []
    for i, head in enumerate(flow.heads):
        if force[i] == 0:
            found.append(f"head {head} sends no gradient: its weight is 0")
        elif not squares[:, i].any() and not flow.rows[:, i].any():
            found.append(
                f"head {head} sends no gradient: its loss moves with no weight, or no row is labelled"
            )
    for m, branch in enumerate(flow.branches):
        own = _of_part(flow, branch_layer(branch))
        if not (force * flow.rows[:, :, m].sum(axis=0)).any():
            found.append(f"branch {branch} gets no gradient: no head's loss moves with its output")
        elif own.any() and not (force * squares[own]).any():
            found.append(f"branch {branch} gets no gradient on its weights, though some reaches its output")
    return found


def _pair(flow: Flow, a: int, b: int, by_part: bool) -> dict[str, float]:
    pair = flow.heads[a], flow.heads[b]
    parts = [None, *(dict.fromkeys(flow.parts) if by_part else ())]
    found = {}
    for part in parts:
        values = cosines(flow, a, b, part)
        values = values[np.isfinite(values)]
        if len(values):
            found[flow_names.cosine(*pair, part)] = values.mean()
            found[flow_names.conflict(*pair, part)] = np.mean(values < 0)
    return found


def _of_part(flow: Flow, part: str) -> Array:
    return np.array([one == part for one in flow.parts])
