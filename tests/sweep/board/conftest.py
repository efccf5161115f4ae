"""The trials of a small grid."""

import pytest

from pipeline.sweep.trials import Trial
from tests.sweep.board import sample


@pytest.fixture
def grid() -> list[Trial]:
    return sample.grid()
