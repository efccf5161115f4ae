"""What a run says of its heads and its split may be damaged."""

import shutil
from pathlib import Path

import pytest

from pipeline.config.make import maker
from pipeline.errors import ConfigError
from pipeline.finished.labelled_rows import read_rows


@pytest.mark.parametrize("name", ["config/heads.json", "config/split.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"fingerprint": 3}', b"\xff", b"{"])
def test_a_damaged_file_is_named(untrained, finished, tmp_path, name, content):
    shutil.copytree(untrained.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes(content)
    run = type(untrained)(tmp_path, untrained.job)
    with pytest.raises(ConfigError) as caught:
        read_rows(run, finished, untrained.data(), which="test", own=True, folders=[Path.cwd()], make=maker())
    assert str(caught.value).startswith((f"run: {tmp_path / name} is damaged", "data: the run's data"))
