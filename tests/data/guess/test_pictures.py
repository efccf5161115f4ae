"""Columns of picture files."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.guess.pictures import Roots, are_paths, is_picture, meaning_of_paths


def draw(file: Path, height: int = 32, width: int = 32) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width), np.uint8)).save(file)


def test_nine_of_ten_cells_must_end_like_pictures() -> None:
    assert are_paths(["a.png"] * 8 + ["B.JPG", "none"])
    assert not are_paths(["a.png"] * 8 + ["none"] * 2)


def test_the_root_is_a_folder_in_which_all_files_are(tmp_path: Path) -> None:
    draw(tmp_path / "some" / "a.png")
    for name in ("a.png", "b.png"):
        draw(tmp_path / "deep" / "all" / name)
    roots = Roots([tmp_path])
    folder = tmp_path / "deep" / "all"
    assert roots.find(["a.png", "b.png"]) == (folder, [folder / "a.png", folder / "b.png"])
    assert roots.find(["a.png", "c.png"]) == (None, [])
    # A few that are not there are told by the check, with their rows.
    assert roots.find([*["a.png", "b.png"] * 5, "c.png"]) == (
        folder,
        [folder / "a.png", folder / "b.png"] * 5,
    )


def test_the_working_folder_needs_no_name_and_those_below_are_relative(tmp_path: Path) -> None:
    roots = Roots([tmp_path / "work", tmp_path / "conf"])
    assert roots.written(tmp_path / "work") is None
    assert roots.written(tmp_path / "work" / "pictures") == "pictures"
    assert roots.written(tmp_path / "conf") == str((tmp_path / "conf").resolve())


@pytest.mark.parametrize(
    ("sizes", "read"),
    [([(32, 20)] * 2, [32, 20]), ([(400, 200)] * 2, [96, 48]), ([(30, 30), (50, 50)], [40, 40])],
)
def test_large_and_different_pictures_are_read_to_one_size(
    tmp_path: Path, sizes: list[tuple[int, int]], read: list[int]
) -> None:
    words = [f"{place}.png" for place in range(len(sizes))]
    for word, size in zip(words, sizes, strict=True):
        draw(tmp_path / word, *size)
    found = meaning_of_paths(words, Roots([tmp_path]))
    assert (found.kind, found.options["size"]) == ("image", read)


def test_pictures_that_are_not_there_are_left_out_with_the_folders_looked_in(tmp_path: Path) -> None:
    found = meaning_of_paths(["a.png"], Roots([tmp_path]))
    assert found.kind == "other"
    assert str(tmp_path) in found.why


def test_only_bytes_of_a_picture_are_one() -> None:
    content = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(content, "PNG")
    assert is_picture(content.getvalue())
    assert not is_picture(content.getvalue()[10:])
    assert not is_picture(b"")
