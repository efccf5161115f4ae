"""Calls the classes and functions that config nodes name."""

from collections.abc import Callable, Sequence
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from pipeline.config.trust import whitelist

Make = Callable[..., Any]


def maker(trusted: Sequence[str] = ()) -> Make:
    """Returns a function that calls a node's `_target_` with the node's other keys as keyword arguments.

    Args:
        trusted: packages that a `_target_` may name besides this one and Keras.

    Example:
        >>> maker()({"_target_": "keras.losses.MeanSquaredError"})
        <MeanSquaredError …>
    """
    allowed = whitelist(trusted)

    def make(node: Any, **more: Any) -> Any:
        return instantiate(node, _convert_="all", _execution_whitelist_=allowed, **more)

    return make


def settings(node: Any) -> dict[str, Any]:
    """A config node as plain dicts and lists, with interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]
