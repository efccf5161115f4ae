"""Calls the classes and functions that config nodes name."""

from collections.abc import Callable, Sequence
from typing import Any

from hydra.utils import instantiate
from omegaconf import Container, OmegaConf

from pipeline.config.trust import check_targets, whitelist

Make = Callable[..., Any]


def maker(trusted: Sequence[str] = ()) -> Make:
    """Returns a function that calls a node's `_target_` with the node's other keys as keyword arguments.

    Args:
        trusted: packages that a `_target_` may name besides the parts of this program and of Keras.

    Raises:
        ConfigError: by the returned function, if the node names anything else. Configs of stored runs have no
            other check.

    Example:
        >>> maker()({"_target_": "keras.losses.MeanSquaredError"})
        <MeanSquaredError …>
    """
    allowed = whitelist(trusted)

    def make(node: Any, **more: Any) -> Any:
        check_targets(*_plain(node, trusted))
        return instantiate(_on_its_own(node), _convert_="all", _execution_whitelist_=allowed, **more)

    return make


def _plain(node: Any, trusted: Sequence[str]) -> tuple[Any, Sequence[str], str]:
    """A node as plain values, the trusted modules, and the node's key."""
    if isinstance(node, Container):
        return settings(node), trusted, str(node._get_full_key(None))
    return node, trusted, ""


def _on_its_own(node: Any) -> Any:
    """The node below its keys only, without the rest of its config.

    Hydra copies the whole config of the node that it calls: of hundreds of heads, hundreds of times. A node
    with interpolations keeps its config, because it may need it.
    """
    if not isinstance(node, Container):
        return node
    plain = OmegaConf.to_container(node, resolve=False)
    if plain != settings(node):
        return node
    keys: list[Any] = []
    above: Any = node
    while above._get_parent() is not None:
        keys.insert(0, above._key())
        above = above._get_parent()
    # The keys above are for messages.
    tree: Any = plain
    for key in reversed(keys):
        tree = [None] * key + [tree] if isinstance(key, int) else {key: tree}
    copy = OmegaConf.create(tree, flags={"allow_objects": True})
    for key in keys:
        copy = copy[key]
    return copy


def settings(node: Any) -> dict[str, Any]:
    """A config node as plain dicts and lists, with interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]
