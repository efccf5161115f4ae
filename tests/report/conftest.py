"""Draws as `report.write` does."""

import pytest

from pipeline.page import style


@pytest.fixture
def drawing():
    """Draws in the style of the report, with no further fonts."""
    with style.look([]):
        yield


@pytest.fixture
def poor_fonts(monkeypatch):
    """A machine whose only font is DejaVu Sans."""
    monkeypatch.setattr(style, "_FURTHER_FONTS", ())
