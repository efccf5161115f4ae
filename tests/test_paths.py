"""Paths of sources: folders, globs and installed packages."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.paths import complete_file, expand, locate, refuse_input, write_text
from tests import processes


def test_a_path_is_looked_for_in_each_folder_in_turn(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.csv").touch()
    folders = [tmp_path, tmp_path / "conf"]
    assert locate("a.csv", folders, "k") == tmp_path / "conf" / "a.csv"
    (tmp_path / "a.csv").touch()
    assert locate("a.csv", folders, "k") == tmp_path / "a.csv"
    assert locate(str(tmp_path / "conf" / "a.csv"), [], "k") == tmp_path / "conf" / "a.csv"
    assert locate("pkg://pipeline.datasets/penguins.csv", [], "k").is_file()


def test_a_glob_gives_its_matches_in_the_first_folder_that_has_some_sorted(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "more/c.csv"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    folders = [tmp_path / "nowhere", tmp_path / "data"]
    assert [path.name for path in expand("*.csv", folders, "k")] == ["a.csv", "b.csv"]
    assert [path.name for path in expand("**/*.csv", folders, "k")] == ["a.csv", "b.csv", "c.csv"]
    assert [path.name for path in expand(["b.csv", "?.csv"], folders, "k")] == ["b.csv", "a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("paths", "problem", "place"),
    [
        ("absent.csv", "the file or folder does not exist", "{folder}"),
        ("*.csv", "no file matches this pattern", "{folder}"),
        ("pkg://pipeline.datasets/absent.npz", "the file or folder does not exist", "datasets"),
        ("pkg://absent_package/x.npz", "the package is not installed", "absent_package"),
        ([], "the list of files is empty", "at least one path"),
    ],
)
def test_a_missing_file_is_reported_with_the_places_that_were_searched(
    paths: Any, problem: str, place: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        expand(paths, [tmp_path], "data.sources.s")
    assert caught.value.key == "data.sources.s"
    assert place.format(folder=tmp_path) in str(caught.value)


def test_paths_and_data_options_import_nothing_heavy() -> None:
    code = (
        "import sys, pipeline.paths, pipeline.data_options; "
        "print({'keras', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    assert processes.python(code).stdout.strip() == "set()"


@pytest.mark.parametrize("written", ["a.csv", "./a.csv", "symbolic.csv", "hard.csv"])
def test_a_file_that_is_read_is_not_written(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("rows")
    (tmp_path / "symbolic.csv").symlink_to("a.csv")
    (tmp_path / "hard.csv").hardlink_to("a.csv")
    with pytest.raises(ConfigError, match="would overwrite the input"):
        refuse_input(Path(written), [tmp_path / "a.csv"], "output")
    refuse_input(Path("b.csv"), [tmp_path / "a.csv"], "output")


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "first")
    with pytest.raises(FileNotFoundError), complete_file(tmp_path / "new" / "a.txt") as part:
        part.write_bytes((tmp_path / "none").read_bytes())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert (tmp_path / "new" / "a.txt").read_text() == "first"
