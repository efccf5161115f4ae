"""What a command does to its process, done for a caller in Python, who gets their process back as it was.

A command may change its working folder, seed the generators of random numbers, and end with a message and
an exit code; a caller in a notebook may not be left with any of these.
"""

import contextlib
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig, open_dict

from pipeline import signals
from pipeline.command import message_for
from pipeline.config import CONF, choices, expand
from pipeline.errors import ConfigError
from pipeline.paths import use_folder, used_folder


@contextlib.contextmanager
def within(folder: str | Path) -> Iterator[None]:
    """Work in a folder, and leave the caller's use of MLflow and of random numbers as it is.

    Raises:
        ConfigError: there is no such folder.
    """
    import numpy as np

    from pipeline.tracking import undisturbed

    if not Path(folder).is_dir():
        raise ConfigError("folder", "there is no such folder", found=folder, allowed="an existing folder")
    before, python = used_folder(), random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002 - a training seeds the global generator
    with contextlib.chdir(folder), undisturbed():
        try:
            yield
        finally:
            use_folder(before)
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextlib.contextmanager
def as_messages() -> Iterator[None]:
    """Raise what would end a command with a message as `ConfigError`; after Ctrl-C tell how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(signals.advice())
        raise
    except SystemExit as error:
        problem = "the training is complete, but its store does not have all of it"
        raise ConfigError("tracking.uri", problem, allowed="python -m pipeline.sync sends it") from error
    except Exception as error:
        if isinstance(error, ConfigError) or (message := message_for(error)) is None:
            raise
        key, _, problem = message.partition(": ")
        raise (
            ConfigError(key, problem) if re.fullmatch(r"[\w.@]+", key) else ConfigError("config", message)
        ) from error
    finally:
        signals.advise("")


def composed(words: Sequence[str], config_dir: str | Path | None = None) -> tuple[DictConfig, dict[str, str]]:
    """Return the config of a training, and the chosen options.

    Raises:
        HydraException: an override names no key or option.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    more = [f"hydra.searchpath=[file://{Path(config_dir).resolve()}]"] if config_dir else []
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF)):
            whole = compose("config", [*words, *more], return_hydra_config=True)
            groups = choices(whole.hydra.runtime.choices)
            with open_dict(whole):
                del whole["hydra"]
            return expand(whole), groups
    finally:
        GlobalHydra.instance().hydra = before
