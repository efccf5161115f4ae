"""Reading a file of a run that may be damaged or that somebody may have replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
