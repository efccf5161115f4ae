"""How a command must end on a bad config or a damaged file."""

from collections.abc import Iterable
from subprocess import CompletedProcess
from unittest import mock

import pytest

from pipeline.errors import ConfigError

READ = "all data is read"


@pytest.fixture
def no_model():
    """Commands end once the data is read: building a model takes seconds."""
    with mock.patch("pipeline.compose.build", side_effect=ConfigError("model", READ)):
        yield


def assert_told(done: CompletedProcess[str], names: Iterable[object]) -> bool:
    """It ended well, or with one message that has one of the names; returns whether it was refused."""
    if done.returncode == 0 or READ in done.stderr:
        return False
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "Error executing job" not in done.stderr
    assert any(str(name) in done.stderr for name in names), done.stderr
    return True
