import pytest

from pipeline import data
from tests.model.parts import INPUTS, SOURCE, SPLIT, TARGETS


@pytest.fixture(scope="session")
def dataset():
    return data.load({"s": SOURCE}, INPUTS, TARGETS, SPLIT)


@pytest.fixture
def all_rows(monkeypatch):
    """Stand-ins are means over all training rows of the planted data."""
    monkeypatch.setattr("pipeline.model.stand_in.ROWS", 400)
