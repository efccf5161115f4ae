"""A job that several tests look at and none trains."""

import pytest

from pipeline.job.job import Job
from tests import composed


@pytest.fixture(scope="session")
def untrained() -> Job:
    """The penguins' job: a class, and a number with missing labels."""
    return composed.job(*composed.PENGUINS)
