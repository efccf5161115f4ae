"""Reads files and tags of a run, which may be damaged, or which somebody may have replaced."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from pipeline.errors import ConfigError

UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    YAMLError,
    OmegaConfBaseException,
)


class HasArtifacts(Protocol):
    """A run in a store."""

    def artifact(self, path: str) -> Path:
        """The local path of an artifact."""


class HasTags(Protocol):
    """A run in a store."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Tag -> text."""


@contextmanager
def readable(path: Path, key: str) -> Iterator[None]:
    """Turn the errors of reading a file into one message that names it.

    Args:
        key: the config key that names the run: "run" or "resume".

    Raises:
        ConfigError: the file cannot be read, or does not hold what it should.
    """
    try:
        yield
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(
            key,
            f"{path} is damaged, or was not made by this program",
            found=f"{type(error).__name__}: {error}".splitlines()[0],
            allowed="a copy of the file from a backup; or another run",
        ) from error


def mapping_in(path: Path) -> dict[str, Any]:
    """Return the mapping in a .json file.

    Raises:
        ValueError: it holds something else.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("not a mapping")
    return found


@contextmanager
def reading(run: HasArtifacts, path: str) -> Iterator[Path]:
    """Yield the local path of an artifact.

    Raises:
        ConfigError: the run has no such artifact; or the `with` block finds that it is damaged.
    """
    file = run.artifact(path)
    with readable(file, "run"):
        yield file


def facts_of(run: HasArtifacts, path: str) -> dict[str, Any]:
    """Return the mapping in a .json artifact.

    Raises:
        ConfigError: the run has no such artifact, or it holds something else.
    """
    with reading(run, path) as file:
        return mapping_in(file)


def list_in_tag(run: HasTags, tag: str, fewest: int = 0) -> list[Any]:
    """Return the list in a tag, which is JSON.

    Args:
        fewest: the smallest length.

    Raises:
        ConfigError: the run has no such tag, or it holds something else.
    """
    text = run.tags.get(tag)
    try:
        values = json.loads(text or "")
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) < fewest:
        problem = f"the tag {tag} of this run is gone or was changed"
        raise ConfigError("run", problem, found=text, allowed="another run")
    return values
