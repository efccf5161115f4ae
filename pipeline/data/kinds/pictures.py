"""Picture files: png, jpeg and what else Pillow reads, named in a column or held in it as bytes."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.data.columns import Column, missing
from pipeline.errors import ConfigError
from pipeline.paths import locate

GREY = ("1", "L")
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
WITH_ORIENTATION = ("JPEG", "MPO", "TIFF", "WEBP")
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def holds_pictures(column: Column) -> bool:
    """Whether the cells are paths, bytes, or both as Hugging Face data sets keep them."""
    if column.values.dtype.kind in "US":
        return True
    if column.values.dtype != object:
        return False
    present = column.values[~missing(column.values)]
    return len(present) > 0 and isinstance(present[0], (str, bytes, dict))


def check_pictures(
    columns: Iterable[Column], roots: Sequence[Path], size: Sequence[int] | None, channels: int | None
) -> tuple[int, int, int]:
    """The shape that all pictures of some columns will have, (height, width, channels); headers are read.

    Raises:
        ConfigError: a file that is missing or no picture; pictures of several sizes without `size`.
    """
    grey, due = True, tuple(size) if size else None
    for column in columns:
        for row in np.flatnonzero(~missing(column.values)).tolist():
            with _open(column, row, roots) as picture:
                grey &= picture.mode in GREY
                found = _upright_size(picture)
            due = due or found
            if size is None and found != due:
                raise column.error(
                    row,
                    "a picture of another size than those before",
                    f"{due[0]} x {due[1]} (height x width); `size: [height, width]` resizes all",
                    found=f"{found[0]} x {found[1]}",
                )
    size = due or (0, 0)
    return int(size[0]), int(size[1]), channels or (1 if grey else 3)


def check_sizes(column: Column, roots: Sequence[Path], shape: tuple[int, ...]) -> None:
    """All pictures have the height and width of `shape`; only their headers are read.

    Raises:
        ConfigError: a file that is missing, no picture, or of another size.
    """
    for row in np.flatnonzero(~missing(column.values)).tolist():
        with _open(column, row, roots) as picture:
            found = _upright_size(picture)
        if found != tuple(shape[:2]):
            due = f"{shape[0]} x {shape[1]} (height x width), as in training"
            raise column.error(row, "a picture of another size", due, found=f"{found[0]} x {found[1]}")


def read_pictures(column: Column, roots: Sequence[Path], shape: tuple[int, ...]) -> np.ndarray:
    """The pictures as (rows, height, width, channels): uint8, or float32 where some are missing (NaN).

    Transparent pixels are white; a photo's orientation is applied; resizing is bilinear with antialiasing.

    Raises:
        ConfigError: a file that is truncated or unreadable.
    """
    absent = missing(column.values)
    dtype = np.float32 if absent.any() else np.uint8
    result = np.full((len(column.values), *shape), np.nan if absent.any() else 0, dtype=dtype)
    for row in np.flatnonzero(~absent):
        with _open(column, int(row), roots) as picture:
            try:
                result[row] = _pixels(picture, shape)
            except UNREADABLE as error:
                raise _unreadable(column, int(row), error) from error
    return result


def _open(column: Column, row: int, roots: Sequence[Path]) -> Image.Image:
    cell = column.values[row]
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    try:
        if isinstance(cell, bytes):
            picture = Image.open(io.BytesIO(cell))
        else:
            picture = Image.open(locate(str(cell), roots, column.key))
    except ConfigError as error:
        looked = f"a picture file below {', '.join(map(str, roots))}"
        raise column.error(row, "no such picture file", looked) from error
    except UNREADABLE as error:
        raise _unreadable(column, row, error) from error
    if picture.mode not in EIGHT_BITS:
        picture.close()
        raise column.error(row, "a picture of more than 8 bits a channel", "8 bits", f"mode {picture.mode}")
    return picture


def _unreadable(column: Column, row: int, error: Exception) -> ConfigError:
    cell = column.values[row]
    found = f"{cell if isinstance(cell, str) else type(cell).__name__}: {error}"
    return column.error(row, "a picture that is truncated or unreadable", "png, jpeg, …", found)


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    width, height = picture.size
    return (width, height) if _orientation(picture) in (5, 6, 7, 8) else (height, width)


def _orientation(picture: Image.Image) -> int:
    # Elsewhere it may stand behind the pixels, and asking for it would decode them all.
    return picture.getexif().get(0x0112, 1) if picture.format in WITH_ORIENTATION else 1


def _pixels(picture: Image.Image, shape: tuple[int, ...]) -> np.ndarray:
    height, width, channels = shape
    picture = ImageOps.exif_transpose(picture) if _orientation(picture) > 1 else picture
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.uint8).reshape(shape)
