"""Builds one model of several: the mean of their predictions, with the inputs and outputs of each of them.

The mean is that of probabilities, of numbers in original units, and of each quantile. The loss of a mean of
probabilities is at most the mean of the members' losses, on any row (Jensen's inequality; Lakshminarayanan et
al. 2017, arXiv:1612.01474). Unlike in a mean of logits, no member that is wrong and very sure decides alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from pipeline.data.kinds import Target
from pipeline.errors import ConfigError
from pipeline.folding import MEMBER
from pipeline.heads import Head
from pipeline.model.build import build_presenter, by_column

SMALLEST = 1e-30  # probability of a class, so that its logarithm is finite
EDGE = 1e-7  # distance of a probability of yes from 0 and 1


@dataclass(frozen=True)
class Joined:
    """An ensemble, and its members one by one.

    Args:
        model: raw inputs by name -> readable outputs by name, like the model of a single run.
        singles: the same inputs -> the raw outputs of each member, `<member> <head>`, scaled as those of the
            ensemble.
    """

    model: keras.Model
    singles: keras.Model


def members_of(model: keras.Model) -> list[keras.Model]:
    """Return the members of an ensemble, or else the model itself."""
    return [layer for layer in model.layers if layer.name.startswith(MEMBER)] or [model]


def after_members(model: keras.Model) -> keras.Model:
    """Return the rest of an ensemble: for each member its outputs by head -> outputs by head."""
    outputs = [tensors_of(member, "output") for member in members_of(model)]
    return keras.Model(outputs, model.output)


def tensors_of(layer: keras.Model, side: str) -> dict[str, KerasTensor]:
    """Return the tensors that a nested model takes ("input") or returns ("output") in the model around it."""
    outside = keras.tree.flatten(getattr(keras.Operation, side).fget(layer))
    return dict(keras.tree.pack_sequence_as(getattr(layer, side), outside))


def join(
    members: Sequence[keras.Model],
    heads: Mapping[str, Head],
    targets: Mapping[str, Target],
    names: Sequence[Mapping[str, Sequence[str]]],
    temperatures: Mapping[str, float],
) -> Joined:
    """Build an ensemble of logged models, which are renamed.

    Args:
        members: they take the same raw inputs.
        heads: head -> the head of the members.
        targets: head -> a restored target; its classes are those of all members, and its scale that of the
            ensemble's raw output.
        names: for each member head -> its classes, in the order of its outputs.
        temperatures: class head -> what the logarithms of its mean probabilities are divided by.

    Raises:
        ConfigError: the members take different inputs.
    """
    _check_inputs(members)
    inputs = {
        name: keras.Input(x.shape[1:], dtype=x.dtype, name=name) for name, x in members[0].input.items()
    }
    outputs = []
    for place, (member, of_member) in enumerate(zip(members, names, strict=True)):
        member.name = f"{MEMBER}{place}"
        found = member(inputs)
        outputs.append({name: _among(found[name], of_member[name], targets[name]) for name in heads})
    raw = {
        name: raw_of(head, targets[name], _mean([one[name] for one in outputs]), temperatures.get(name, 1.0))
        for name, head in heads.items()
    }
    singles = {
        f"{place} {name}": raw_of(head, targets[name], one[name])
        for place, one in enumerate(outputs)
        for name, head in heads.items()
    }
    ensemble = keras.Model(inputs, build_presenter(targets, heads)(raw), name="logged_model")
    return Joined(ensemble, keras.Model(inputs, singles, name="singles"))


def _check_inputs(members: Sequence[keras.Model]) -> None:
    kinds = [{name: (x.shape, x.dtype) for name, x in member.input.items()} for member in members]
    for of_member in kinds[1:]:
        if of_member != kinds[0]:
            problem = "the models of an ensemble must take the same inputs"
            raise ConfigError("sweep", problem, found=of_member, allowed=str(kinds[0]))


def _among(outputs: KerasTensor, names: Sequence[str], target: Target) -> KerasTensor:
    """Return a member's probabilities as those of all classes: 0 for those that it does not know."""
    if target.kind != "category" or list(names) == list(target.names):
        return outputs
    places = np.zeros((len(names), len(target.names)), np.float32)
    places[np.arange(len(names)), [list(target.names).index(name) for name in names]] = 1.0
    return ops.matmul(outputs, places)


def _mean(outputs: Sequence[KerasTensor]) -> KerasTensor:
    total = outputs[0]
    for one in outputs[1:]:
        total = total + one
    return total / len(outputs)


def raw_of(head: Head, target: Any, outputs: KerasTensor, temperature: float = 1.0) -> KerasTensor:
    """Return the raw output that the presenter turns into these outputs, if the temperature is 1."""
    if target.kind == "number":
        return by_column(target.scaled, target.units, outputs)
    if target.kind == "category":
        logits = ops.log(ops.maximum(outputs, SMALLEST)) / temperature
        return ops.softmax(logits) if head.activation else logits
    sure = ops.clip(outputs, EDGE, 1 - EDGE)
    logits = (ops.log(sure) - ops.log(1 - sure)) / temperature
    return ops.sigmoid(logits) if head.activation else logits
