"""Compose configs as the command line does, and check them."""

from collections.abc import Callable, Iterator

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from pipeline import config
from pipeline.errors import ConfigError
from tests.config.composition import composer

Compose = Callable[..., DictConfig]


@pytest.fixture(scope="package")
def compose() -> Iterator[Compose]:
    """Compose the default config, or that of another command, with overrides."""
    # One Hydra for the whole folder, because it reads each file of conf/ only once.
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config.CONF)):
        yield composer()


@pytest.fixture
def error_message(compose: Compose) -> Callable[..., str]:
    """Check a wrong config; returns the message. Keyword arguments go to `config.check`."""

    def check(*overrides: str, **arguments: object) -> str:
        with pytest.raises(ConfigError) as caught:
            config.check(compose(*overrides), **arguments)
        return str(caught.value)

    return check


@pytest.fixture
def assert_refused(error_message: Callable[..., str]) -> Callable[..., None]:
    """Check a wrong config, of which the message begins with `start` and contains all `parts`."""

    def check(overrides: list[str], start: str, parts: list[str]) -> None:
        message = error_message(*overrides)
        assert message.startswith(start)
        for part in parts:
            assert part in message

    return check
