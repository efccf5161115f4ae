"""Limits what the interpolations of a config expand to.

Each of ten lines can repeat the line before ten times, so a small file of a stranger could fill the memory.
OmegaConf limits the aliases of YAML in this way, but not its interpolations.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from omegaconf.base import Container
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import InterpolationResolutionError

LONGEST = 100_000  # characters of a text
MOST_STEPS = 1_000  # interpolations for one value: each takes about 0.3 ms
MOST_NODES = 50_000  # mappings and lists of a config; with 500 heads about 2,000


def _limited(call: Callable[..., Any], most: int, problem: str) -> Callable[..., Any]:
    """The function, which may call itself so many times in all; also limits a text that it returns."""
    calls = threading.local()

    @wraps(call)
    def limited(*arguments: Any, **options: Any) -> Any:
        depth = getattr(calls, "depth", 0)
        calls.count = calls.count + 1 if depth else 1
        if calls.count > most:
            raise InterpolationResolutionError(problem)
        calls.depth = depth + 1
        try:
            result = call(*arguments, **options)
        finally:
            calls.depth = depth
        if isinstance(result, str) and len(result) > LONGEST:
            raise InterpolationResolutionError(f"this text has more than {LONGEST:,} characters")
        return result

    return limited


def _install() -> None:
    """Puts the limits round OmegaConf's functions, which have no place for them."""
    steps = f"this value takes more than {MOST_STEPS:,} interpolations"
    Container.resolve_parse_tree = _limited(Container.resolve_parse_tree, MOST_STEPS, steps)  # type: ignore[method-assign]
    nodes = f"with its interpolations, the config has more than {MOST_NODES:,} mappings and lists"
    BaseContainer._to_content = staticmethod(_limited(BaseContainer._to_content, MOST_NODES, nodes))  # type: ignore[method-assign]


_install()
