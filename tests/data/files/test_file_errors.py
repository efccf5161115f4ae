"""Errors while reading become one message that names the file."""

from pathlib import Path

import pytest

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


def test_columns_must_have_different_names_and_there_must_be_one() -> None:
    check_column_names(["a", "b"], "a.csv", "k")
    with pytest.raises(ConfigError, match=r"a\.csv has several columns of the same name\n.*found:   a"):
        check_column_names(["a", "b", "a"], "a.csv", "k")
    with pytest.raises(ConfigError, match="has no columns"):
        check_column_names([], "a.csv", "k")
