"""Errors while reading become one message that names the file."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.data.files import open_file
from pipeline.data.files.file_errors import UNREADABLE, check_column_names, reading
from pipeline.errors import ConfigError


@pytest.mark.parametrize("error", UNREADABLE)
def test_every_reading_error_names_the_file(error: type[Exception]) -> None:
    message = r"data\.sources\.s: a\.csv cannot be read"
    with pytest.raises(ConfigError, match=message), reading(Path("a.csv"), "data.sources.s"):
        raise error("broken")


def test_messages_for_people_and_errors_of_the_program_pass_unchanged() -> None:
    with pytest.raises(ConfigError, match=r"^k: the problem$"), reading(Path("a.csv"), "data.sources.s"):
        raise ConfigError("k", "the problem")
    with pytest.raises(TypeError), reading(Path("a.csv"), "data.sources.s"):
        raise TypeError


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_an_array_of_objects_is_called_what_it_is_and_not_damaged(tmp_path: Path, suffix: str) -> None:
    file, objects = tmp_path / f"a{suffix}", np.array([[1, 2], [3]], dtype=object)
    np.savez(file, x=objects) if suffix == ".npz" else np.save(file, objects)
    with pytest.raises(ConfigError, match=r"array of Python objects(.|\n)*parquet") as caught:
        open_file(file, "data.sources.a", None).read("x" if suffix == ".npz" else "")
    assert "damaged" not in str(caught.value)


def test_columns_must_have_different_names_and_there_must_be_one() -> None:
    check_column_names(["a", "b"], "a.csv", "k")
    with pytest.raises(ConfigError, match=r"a\.csv has several columns of the same name\n.*found:   a"):
        check_column_names(["a", "b", "a"], "a.csv", "k")
    with pytest.raises(ConfigError, match="has no columns"):
        check_column_names([], "a.csv", "k")
