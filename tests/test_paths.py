"""Paths of sources: folders, globs and installed packages."""

import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.paths import complete_file, expand, locate, locate_inside, refuse_input, write_text
from tests import processes
from tests.verbs import call


def test_a_path_is_looked_for_in_each_folder_in_turn(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.csv").touch()
    folders = [tmp_path, tmp_path / "conf"]
    assert locate("a.csv", folders, "k") == tmp_path / "conf" / "a.csv"
    (tmp_path / "a.csv").touch()
    assert locate("a.csv", folders, "k") == tmp_path / "a.csv"
    assert locate(str(tmp_path / "conf" / "a.csv"), [], "k") == tmp_path / "conf" / "a.csv"
    assert locate("pkg://pipeline.datasets/penguins.csv", [], "k").is_file()


def test_a_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "theirs_of_test" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").write_text("raise SystemExit(9)")
    (inner / "a.csv").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("pkg://theirs_of_test.inner/a.csv", [], "k") == inner / "a.csv"
    with pytest.raises(ConfigError, match="the package is not installed"):
        locate("pkg://theirs_of_test.other/a.csv", [], "k")


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
        ("pkg://", "the package is not installed", "an installed package"),
        ("pkg://.datasets/x.npz", "the package is not installed", "an installed package"),
        ("pkg://__main__/x.npz", "the package is not installed", "an installed package"),
        ("pkg://antigravity/x.npz", "the package is not installed", "an installed package"),
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


def test_pipes_and_devices_are_refused_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (str(tmp_path / "pipe.csv"), "/dev/zero", str(tmp_path / "*.csv")):
        with pytest.raises(ConfigError, match="a pipe, a device or a socket cannot be read"):
            expand(path, [tmp_path], "key")


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_a_message(tmp_path, name):
    with pytest.raises(ConfigError, match=r"^key: the file cannot be opened"):
        locate(name, [tmp_path], "key")


@pytest.mark.parametrize(
    "cell", ["../precious.png", "below/../../precious.png", "{outside}", "link.png", "folder/precious.png"]
)
def test_a_cell_names_no_file_outside_of_the_root(tmp_path, cell):
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    precious = tmp_path / "precious.png"
    precious.touch()
    (root / "link.png").symlink_to(precious)
    (root / "folder").symlink_to(tmp_path)
    path = cell.format(outside=precious)
    with pytest.raises(ConfigError, match="the path leaves the folder of the files"):
        locate_inside(path, [root], "key")
    assert locate_inside(path, [root, tmp_path], "key").samefile(precious)


def test_a_cell_imports_no_package(tmp_path):
    with pytest.raises(ConfigError, match="the path leaves the folder of the files"):
        locate_inside("pkg://antigravity/a.png", [tmp_path], "key")
    assert "antigravity" not in sys.modules


def test_files_and_links_inside_of_the_root_are_found(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.png").touch()
    (tmp_path / "link.png").symlink_to("below/a.png")
    for name in ("below/a.png", "link.png", "below/../below/a.png", str(tmp_path / "below" / "a.png")):
        assert locate_inside(name, [tmp_path], "key").samefile(tmp_path / "below" / "a.png")


def test_a_file_whose_name_begins_with_a_tilde_is_found(tmp_path: Path) -> None:
    (tmp_path / "~nobody.csv").write_text("a\n1\n")
    assert expand("~nobody.csv", [tmp_path], "k") == [tmp_path / "~nobody.csv"]


def test_the_marks_of_open_documents_match_no_pattern(tmp_path: Path) -> None:
    for name in ("a.xlsx", "~$a.xlsx"):
        (tmp_path / name).write_bytes(b"x")
    assert expand("*.xlsx", [tmp_path], "k") == [tmp_path / "a.xlsx"]


def test_files_that_a_table_names_are_found_as_other_systems_write_them(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    file = tmp_path / "a b" / unicodedata.normalize("NFC", "schön.png")
    file.write_bytes(b"x")
    for path in ("a b\\schön.png", unicodedata.normalize("NFD", "a b/schön.png")):
        assert locate_inside(path, [tmp_path], "k") == file
    with pytest.raises(ConfigError, match="does not exist"):
        locate_inside("a b\\none.png", [tmp_path], "k")
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(ConfigError, match="leaves the folder"):
        locate_inside("..\\x.png", [tmp_path / "a b"], "k")


def test_a_place_where_no_file_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, problem in {
        "pipe": "this exists and is no file",
        ".": "this exists and is no file",
        "file/x.csv": "no file can be written below",
        "x" * 300: "no file can have this name",
        "a\0b": "no file can have this name",
    }.items():
        with pytest.raises(ConfigError, match=f"^out: {problem}"):
            refuse_input(tmp_path / name, [], "out")
    with pytest.raises(ConfigError, match=r"^out: this exists and is no file"):
        refuse_input(Path("/dev/null"), [], "out")
    with pytest.raises(ConfigError, match=r"^out: no file can be written below /proc"):
        refuse_input(Path("/proc/x.csv"), [], "out")
    refuse_input(tmp_path / "new" / "folder" / "x.csv", [], "out")
    refuse_input(tmp_path / "file", [], "out")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "words", [("schema", "out=/proc/x"), ("export", "run=r", "format=saved_model", "out=/proc/x")]
)
def test_commands_refuse_a_place_that_takes_no_files_before_they_work(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    done = call(*words, where=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("out: no file can be written below /proc")
