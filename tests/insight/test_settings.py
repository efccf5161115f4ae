"""Every option of `insight` in conf/ makes the settings, and larger ones ask for more."""

from hydra import compose, initialize_config_dir

from pipeline.config import CONF
from pipeline.config.make import maker
from pipeline.insight import Insight


def made(option: str) -> Insight:
    with initialize_config_dir(str(CONF)):
        return maker()(compose("config", overrides=[f"insight={option}"]).insight)


def test_options_ask_for_more_and_more_or_for_nothing() -> None:
    options = {file.stem: made(file.stem) for file in (CONF / "insight").glob("*.yaml")}
    assert all(isinstance(option, Insight) for option in options.values())
    assert options["off"].probe_rows == options["off"].repeats == 0
    assert 0 < options["default"].probe_rows < options["full"].probe_rows
    assert 0 < options["default"].repeats < options["full"].repeats
