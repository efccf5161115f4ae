"""Files that several tests of the data read."""

from pathlib import Path

import pytest

from tests.data.streams import write_files


@pytest.fixture(scope="session")
def stream_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `tests.data.streams`."""
    folder = tmp_path_factory.mktemp("streams")
    write_files(folder)
    return folder


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that there are several."""
    monkeypatch.setattr("pipeline.data.files.stored.BLOCK_BYTES", 300)
    monkeypatch.setattr("pipeline.data.hashes.BLOCK_BYTES", 300)
