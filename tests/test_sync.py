"""`pipeline.sync` finds what waits by the id of its run, or by the beginning of the id."""

import pytest

from pipeline import sync
from pipeline.errors import ConfigError
from pipeline.paths import waiting_folder

IDS = ["abcd1234", "abcd5678", "ef012345"]


@pytest.fixture(autouse=True)
def waiting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in IDS:
        waiting_folder(name).mkdir(parents=True)


@pytest.mark.parametrize(
    ("typed", "run"), [("abcd1234", "abcd1234"), ("abcd1", "abcd1234"), ("ef01", "ef012345")]
)
def test_a_run_is_found_by_its_id_or_the_beginning_of_it(typed, run):
    assert sync._folder(typed).name == run


@pytest.mark.parametrize(
    ("typed", "message"),
    [("abcd", "2 ids begin so"), ("ef0", "nothing of this run waits"), ("1234", "nothing of this run waits")],
)
def test_what_names_no_run_or_several_is_told(typed, message):
    with pytest.raises(ConfigError, match=message):
        sync._folder(typed)
