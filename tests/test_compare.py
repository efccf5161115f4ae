"""The command that compares runs: which words it takes, and what it says when they are wrong."""

import pytest
from hydra import compose, initialize_config_dir

from pipeline import compare, config
from pipeline.errors import ConfigError
from tests.processes import command, run


def typed(*words):
    """The config that a command line makes of conf/compare.yaml."""
    with initialize_config_dir(str(config.CONF)):
        return compose("compare", overrides=compare.overrides(words))


@pytest.mark.parametrize(
    "names",
    [["3f2a", "91bc"], ["class=0.5 adam", "it's, [one]"], ["8188", "8e1", "true"], ["C:\\a\\", "\\'", "ж x"]],
)
def test_words_that_are_no_option_name_runs_whatever_they_look_like(names):
    assert list(typed(*names).runs) == names
    assert typed(*names, "output=a b", "sweep=12").output == "a b"
    assert typed("sweep=12").sweep.name == "12"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "runs: at least two runs or a sweep are required"),
        (["a"], "runs: at least two runs or a sweep are required"),
        (["sweep=s", "a"], "sweep: either runs or a sweep can be compared"),
    ],
)
def test_two_runs_or_one_sweep_must_be_named(words, problem):
    with pytest.raises(ConfigError, match=problem):
        compare.check(typed(*words))
    compare.check(typed("a", "b"))
    compare.check(typed("sweep=s"))


def test_a_folder_without_runs_ends_with_code_2_and_a_message(tmp_path):
    done = run(command("compare", "one", "two"), tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("tracking.uri: there are no runs here")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["a file", "a folder of other files"])
def test_a_page_is_not_written_over_other_files(what, tmp_path):
    path = tmp_path / "out"
    if what == "a file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine.csv").write_text("mine")
    with pytest.raises(ConfigError, match="an earlier comparison did not write it"):
        compare._check_output(path, "comparison.html")


def test_a_page_replaces_an_earlier_one(tmp_path):
    compare._check_output(tmp_path / "new", "comparison.html")
    (tmp_path / "comparison.html").write_text("earlier")
    compare._check_output(tmp_path, "comparison.html")
