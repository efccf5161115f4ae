"""How much memory is available."""

from pathlib import Path

import pytest

from pipeline.data.files import memory


def test_available_memory_is_limited_by_the_machine_and_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 10**8 < memory.available() < 10**14
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 1200\nfile 3000\n")
    assert memory.available() == 3800
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 3800


def test_data_fits_if_it_takes_at_most_a_quarter_of_the_available_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 4000)
    assert memory.fits_in_memory(1000)
    assert not memory.fits_in_memory(1001)
