"""Generated damage to data files ends with exit code 2 and a message that names the file, or does no harm."""

from pathlib import Path

import pytest

from tests.generated import files
from tests.generated.outcome import assert_told, no_model  # noqa: F401 - a fixture
from tests.verbs import call

pytestmark = pytest.mark.usefixtures("no_model")
WORDS = ["data=mine", "branches=auto", "heads=auto"]


def told(seed: int, where: Path) -> bool:
    where.mkdir()
    file = files.write(where, seed)
    done = call("check", "--config-dir", where, *WORDS, where=where)
    return assert_told(done, [file, "data.sources.rows", "rows."])


def test_undamaged_files_are_read(tmp_path):
    for name, content in files.GOOD.items():
        if name.startswith("rows"):
            where = tmp_path / name
            where.mkdir()
            files.write(where, 4)  # a picture is damaged, and mended here
            (where / "photos" / "0.png").write_bytes(files.picture())
            (where / name).write_bytes(content())
            (where / "data" / "mine.yaml").write_text(files.config(name))
            done = call("check", "--config-dir", where, *WORDS, where=where)
            assert "all data is read" in done.stderr


def test_some_damaged_files_are_told_by_their_name(tmp_path):
    assert sum(told(seed, tmp_path / str(seed)) for seed in range(6)) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(6, 156, 30))
def test_a_hundred_damaged_files_are_told_by_their_name(first, tmp_path):
    assert sum(told(seed, tmp_path / str(seed)) for seed in range(first, first + 30)) >= 15
