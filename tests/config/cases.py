"""Parametrize tests by configs."""

from collections.abc import Callable
from typing import Any

import pytest

Wrong = tuple[list[str], str, list[str]]  # overrides, how the message begins, what else it contains


def wrong_configs(*cases: Wrong) -> Callable[..., Any]:
    """One test for each wrong config; the arguments are those of the fixture `assert_refused`."""
    ids = [" ".join(overrides) for overrides, _, _ in cases]
    return pytest.mark.parametrize(("overrides", "start", "parts"), cases, ids=ids)


def right_configs(*cases: list[str]) -> Callable[..., Any]:
    """One test for each list of overrides that is right."""
    return pytest.mark.parametrize("overrides", cases, ids=" ".join)
