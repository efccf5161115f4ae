"""A caller in Python gets the process back as it was, and messages as exceptions."""

import random
from pathlib import Path

import numpy as np
import pytest

from pipeline import paths, signals
from pipeline.errors import ConfigError
from pipeline.in_process import as_messages, composed, within


def test_the_callers_random_numbers_and_folders_stay_as_they_are(tmp_path):
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    due = np.random.RandomState(3).rand(), random.Random(3).random()
    here, kept = Path.cwd(), paths.used_folder()
    with within(tmp_path):
        assert Path.cwd() == tmp_path.resolve()
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        paths.use_folder("elsewhere")
    assert (np.random.rand(), random.random()) == due  # noqa: NPY002
    assert (Path.cwd(), paths.used_folder()) == (here, kept)


def test_ctrl_c_tells_how_to_go_on(capsys):
    def interrupted():
        with as_messages():
            signals.advise("to go on with run 1: …\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err == "to go on with run 1: …\n"
    assert signals.advice() == ""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError("data.join", "what is wrong"), "^data.join: what is wrong"),
        (SystemExit(3), "^tracking.uri: the training is complete"),
        (OSError(28, "No space left on device"), "^config: nothing more can be written: the disk is full"),
    ],
)
def test_what_ends_a_command_with_a_message_is_a_config_error(error, message):
    with pytest.raises(ConfigError, match=message), as_messages():
        raise error


def test_an_error_of_the_program_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), as_messages():
        _ = 1 / 0


def test_a_config_is_composed_with_options_of_another_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "birds.yaml").write_text("sources: {birds: birds.csv}\n")
    cfg, groups = composed(["data=birds", "trainer.epochs=3"], tmp_path)
    assert cfg.data.sources.birds == "birds.csv"
    assert cfg.trainer.epochs == 3
    assert groups["data"] == "birds"
    assert "hydra" not in cfg
