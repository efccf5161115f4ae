"""Columns of picture files: where the files are, and to which size they are read."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.data.files.chunks import PICTURES
from pipeline.data.guess.cells import Cells, shown
from pipeline.data.guess.meaning import Meaning
from pipeline.paths import spellings

MOST = 0.9  # share of the cells that must end like a picture file
LOOKED_AT = 200  # pictures whose size is read
LARGEST = 96  # pixels on a side: larger pictures take long to train on a CPU
STEP = 8  # a size is a multiple of it, because branches halve the size several times
DEPTH = 2  # levels of folders below a folder in which pictures are looked for


@dataclass(frozen=True)
class Roots:
    """Folders of picture files: the working folder, then those of the sources and of the config."""

    folders: Sequence[Path]

    def find(self, paths: Sequence[str]) -> tuple[Path | None, list[Path]]:
        """The folder to which most of the paths are relative, and the files that are there."""
        best: tuple[Path | None, list[Path]] = None, []
        for folder in self.folders:
            for candidate in [folder, *_below(folder)]:
                found = [file for path in paths if (file := _file(candidate, path))]
                if len(found) > len(best[1]):
                    best = candidate, found
                if len(found) == len(paths):
                    return best
        return best if len(best[1]) >= MOST * len(paths) else (None, [])

    def written(self, root: Path) -> str | None:
        """The folder as the config names it; None for the working folder, which needs no name."""
        working = self.folders[0].resolve()
        root = root.resolve()
        if root == working:
            return None
        return str(root.relative_to(working)) if root.is_relative_to(working) else str(root)


def _file(folder: Path, path: str) -> Path | None:
    return next((folder / one for one in spellings(path) if (folder / one).is_file()), None)


def are_paths(words: Sequence[str]) -> bool:
    return bool(np.mean([Path(word).suffix.lower() in PICTURES for word in words]) >= MOST)


def meaning_of_paths(words: Sequence[str], roots: Roots) -> Meaning:
    sample = [
        words[place] for place in np.linspace(0, len(words) - 1, min(len(words), LOOKED_AT)).astype(int)
    ]
    root, files = roots.find(sample)
    if root is None:
        places = ", ".join(map(str, roots.folders))
        why = f"pictures ({shown(sample, 1)}), but these files are not below {places}"
        return Meaning("other", f"{why}; add an input with their folder as its root")
    sizes = [size for file in files if (size := _size(file))]
    options: dict[str, Any] = {"root": roots.written(root)} if roots.written(root) else {}
    lacking = len(sample) - len(files)
    why = f"picture files: {shown(sample, 1)}" + (
        f"; {lacking} of {len(sample)} are not there" if lacking else ""
    )
    return _meaning(sizes, why, options) if sizes else Meaning("other", f"{why}, none of which can be read")


def is_picture(content: bytes) -> bool:
    return _size(io.BytesIO(content)) is not None


def meaning_of_contents(cells: Cells) -> Meaning:
    """The meaning of cells that contain the files of pictures, as bytes or as Hugging Face's dicts."""
    contents = [
        cell.get("bytes") if isinstance(cell, Mapping) else cell for cell in cells.values[cells.present]
    ]
    sizes = [_size(io.BytesIO(cell)) for cell in contents[:LOOKED_AT] if isinstance(cell, bytes)]
    known = [size for size in sizes if size]
    return (
        _meaning(known, "files of pictures", {}) if known else Meaning("other", "objects of several values")
    )


def _meaning(sizes: Sequence[tuple[int, int]], why: str, options: dict[str, Any]) -> Meaning:
    heights, widths = np.array(sizes).T
    one = len({*sizes}) == 1
    listed = (
        f"{heights[0]} x {widths[0]}"
        if one
        else (f"{heights.min()} x {widths.min()} to {heights.max()} x {widths.max()}")
    )
    size = [int(np.median(heights)), int(np.median(widths))]
    factor = LARGEST / max(size)
    if factor < 1 or not one:
        size = [max(STEP, round(side * min(factor, 1) / STEP) * STEP) for side in size]
    return Meaning("image", f"{why}, {listed} pixels", options={**options, "size": size})


def _size(file: Path | io.BytesIO) -> tuple[int, int] | None:
    """Height and width of a picture; None if it cannot be opened."""
    try:
        with Image.open(file) as picture:
            return picture.height, picture.width
    except (OSError, SyntaxError, ValueError, EOFError):
        return None


def _below(folder: Path, depth: int = DEPTH) -> list[Path]:
    if not depth or not folder.is_dir():
        return []
    inside = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    return [*inside, *(deeper for child in inside for deeper in _below(child, depth - 1))]
