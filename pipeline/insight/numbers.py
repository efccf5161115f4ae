"""Computes the `flow/…` metrics from the gradients on the probe."""

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
    """Gradients of the heads' training losses without loss weights, on each batch of the probe.

    Args:
        heads, branches: names along the axes of the arrays.
        parts: layer name of each variable: "branch_image", "fusion", "head_class" …
        rows: (batches, heads, branches) norm of one row's gradient at the branch's output, mean over the rows
            with a label for the head.
        products: (batches, variables, heads, heads) inner products of the heads' gradients of each variable.
    """

    heads: list[str]
    branches: list[str]
    parts: list[str]
    rows: Array
    products: Array


def flow_numbers(flow: Flow, weights: Mapping[str, float], *, by_part: bool) -> dict[str, float]:
    """Return gradient norms, shares, cosines and conflicts; undefined values are absent.

    Args:
        weights: head -> loss weight x balancer weight.
        by_part: also return the conflicts on every part of the model that two heads share.
    """
    factors = np.array([weights[head] for head in flow.heads])[:, None]
    at_output, on_weights = flow.rows.mean(axis=0), branch_norms(flow)
    sizes = {
        "": factors * at_output,
        "_raw": at_output,
        "_weights": factors * on_weights,
        "_weights_raw": on_weights,
        "_share": shares(factors * on_weights, axis=1),
    }
    metrics = {
        flow_names.sent(head, branch, word): values[i, m]
        for word, values in sizes.items()
        for i, head in enumerate(flow.heads)
        for m, branch in enumerate(flow.branches)
    }
    by_branch = shares(factors * on_weights, axis=0)
    for i, head in enumerate(flow.heads):
        metrics |= {
            flow_names.received(branch, head): by_branch[i, m] for m, branch in enumerate(flow.branches)
        }
    for a, b in combinations(range(len(flow.heads)), 2):
        metrics |= _pair(flow, a, b, by_part)
    return {name: float(value) for name, value in metrics.items() if np.isfinite(value)}


def branch_norms(flow: Flow) -> Array:
    """Return (heads, branches): norm of the gradient of a branch's weights, mean over the batches."""
    squares = np.einsum("svii->svi", flow.products)
    masks = [_in_part(flow, branch_layer(branch)) for branch in flow.branches]
    return np.stack([np.sqrt(squares[:, mask].sum(axis=1)).mean(axis=0) for mask in masks], axis=1)


def cosines(flow: Flow, a: int, b: int, part: str | None = None) -> Array:
    """Return (batches,): cosine of two heads' gradients of the variables they share; NaN if they share none.

    Args:
        part: only the variables of this layer.
    """
    squares = np.einsum("svii->svi", flow.products).sum(axis=0)
    both = (squares[:, a] > 0) & (squares[:, b] > 0)
    gram = flow.products[:, both if part is None else both & _in_part(flow, part)].sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(gram[:, a, b] / np.sqrt(gram[:, a, a] * gram[:, b, b]))


def shares(values: Array, axis: int) -> Array:
    """Return the values divided by their sum along an axis; NaN where the sum is 0."""
    total = values.sum(axis=axis, keepdims=True)
    return np.asarray(np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0))


def zero_gradients(flow: Flow, weights: Mapping[str, float]) -> list[str]:
    """Return a sentence for every head that sends, and every branch that gets, a gradient of exactly 0."""
    factors = np.array([weights[head] for head in flow.heads])
    squares = np.einsum("svii->vi", flow.products)
    sentences = []
    for i, head in enumerate(flow.heads):
        if factors[i] == 0:
            sentences.append(f"head {head} sends no gradient: its weight is 0")
        elif not squares[:, i].any() and not flow.rows[:, i].any():
            sentences.append(
                f"head {head} sends no gradient: its loss depends on no weight, or no row has a label for it"
            )
    for m, branch in enumerate(flow.branches):
        own = _in_part(flow, branch_layer(branch))
        if not (factors * flow.rows[:, :, m].sum(axis=0)).any():
            sentences.append(f"branch {branch} gets no gradient: no head's loss depends on its output")
        elif own.any() and not (factors * squares[own]).any():
            sentences.append(f"branch {branch} gets a gradient at its output, but none of its weights does")
    return sentences


def _pair(flow: Flow, a: int, b: int, by_part: bool) -> dict[str, float]:
    pair = flow.heads[a], flow.heads[b]
    parts = [None, *(dict.fromkeys(flow.parts) if by_part else ())]
    metrics = {}
    for part in parts:
        values = cosines(flow, a, b, part)
        values = values[np.isfinite(values)]
        if len(values):
            metrics[flow_names.cosine(*pair, part)] = values.mean()
            metrics[flow_names.conflict(*pair, part)] = np.mean(values < 0)
    return metrics


def _in_part(flow: Flow, part: str) -> Array:
    """Return a mask of the variables that belong to a layer."""
    return np.array([name == part for name in flow.parts])
