"""Picture files: png, jpeg and other formats of Pillow, named in a column or contained in it as bytes."""

import io
import struct
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.data.columns import Column
from pipeline.data.missing import is_missing
from pipeline.errors import ConfigError
from pipeline.paths import locate_inside

GREY = ("1", "L")
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
ORIENTATION = 0x0112  # the EXIF tag
# Not all that Pillow reads: for some formats it starts other programs, such as Ghostscript.
FORMATS = ("BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
MEGAPIXELS = Image.MAX_IMAGE_PIXELS // 10**6 if Image.MAX_IMAGE_PIXELS else 89
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
# A small file may unpack to a picture that fills the memory.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def holds_pictures(column: Column) -> bool:
    """Whether the cells are paths, bytes, or dicts of both, as in Hugging Face data sets."""
    if column.values.dtype.kind in "US":
        return True
    if column.values.dtype != object:
        return False
    present = column.values[~is_missing(column.values)]
    return len(present) > 0 and isinstance(present[0], (str, bytes, dict))


def check_pictures(
    columns: Iterable[Column], roots: Sequence[Path], size: Sequence[int] | None, channels: int | None
) -> tuple[int, int, int]:
    """Reads the headers of all pictures; returns the shape they will have, (height, width, channels).

    Raises:
        ConfigError: a file does not exist or is not a picture, or the sizes differ and `size` is None.
    """
    grey, expected = True, tuple(size) if size else None
    for column in columns:
        for row in np.flatnonzero(~is_missing(column.values)).tolist():
            with _open(column, row, roots) as picture:
                grey &= picture.mode in GREY
                actual = tuple(size) if size else _upright_size(column, row, picture)
            expected = expected or actual
            if size is None and actual != expected:
                raise column.error(
                    row,
                    "the size of the picture differs from that of earlier ones",
                    f"{_size_text(expected)}; `size: [height, width]` resizes all pictures",
                    found=_size_text(actual),
                )
    height, width = expected or (0, 0)
    return int(height), int(width), channels or (1 if grey else 3)


def check_sizes(column: Column, roots: Sequence[Path], shape: tuple[int, ...]) -> None:
    """Checks that all pictures have the height and width of `shape`, by reading their headers.

    Raises:
        ConfigError: a file does not exist, is not a picture, or has another size.
    """
    for row in np.flatnonzero(~is_missing(column.values)).tolist():
        with _open(column, row, roots) as picture:
            actual = _upright_size(column, row, picture)
        if actual != tuple(shape[:2]):
            raise column.error(
                row,
                "the size of the picture differs from that in training",
                _size_text(shape),
                found=_size_text(actual),
            )


def read_pictures(column: Column, roots: Sequence[Path], shape: tuple[int, ...]) -> np.ndarray:
    """Reads pictures as (rows, height, width, channels): uint8, or float32 with NaN for missing ones.

    Transparent pixels become white, the orientation of a photo is applied, and resizing is bilinear with
    antialiasing.

    Raises:
        ConfigError: a file is truncated or unreadable.
    """
    missing = is_missing(column.values)
    dtype = np.float32 if missing.any() else np.uint8
    result = np.full((len(column.values), *shape), np.nan if missing.any() else 0, dtype=dtype)
    for row in np.flatnonzero(~missing):
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
            picture = Image.open(io.BytesIO(cell), formats=FORMATS)
        else:
            path = locate_inside(str(cell), roots, column.key)
            # Pillow maps an uncompressed .tiff file into memory with the size it has after turning.
            mapped = path.suffix.lower() in (".tif", ".tiff")
            picture = Image.open(io.BytesIO(path.read_bytes()) if mapped else path, formats=FORMATS)
    except ConfigError as error:
        allowed = f"a picture file in {', '.join(map(str, roots))}"
        if "does not exist" in error.problem:
            raise column.error(row, "the picture file does not exist", allowed) from error
        allowed += "; `root: <folder>` names another folder"
        raise column.error(row, error.problem, allowed, found=error.found) from error
    except UNREADABLE as error:
        raise _unreadable(column, row, error) from error
    if picture.mode not in EIGHT_BITS:
        picture.close()
        deep = picture.mode[:1] in ("I", "F")
        problem = "more than 8 bits per channel" if deep else "colours that are neither grey, RGB nor CMYK"
        allowed = "8 bits of grey or colours; or the pixels as an array in an .npy file"
        raise column.error(row, f"the picture has {problem}", allowed, f"mode {picture.mode}")
    return picture


def _unreadable(column: Column, row: int, error: Exception) -> ConfigError:
    cell = column.values[row]
    found = f"{cell if isinstance(cell, str) else type(cell).__name__}: {error}"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return column.error(row, "the picture is too large", f"up to {MEGAPIXELS} million pixels", found)
    return column.error(row, "the picture is truncated or unreadable", "png, jpeg, …", found)


def _size_text(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"


def _upright_size(column: Column, row: int, picture: Image.Image) -> tuple[int, int]:
    width, height = picture.size
    # Pillow gives the size of a .tiff file as it is after turning. In a .png file the tag may follow the
    # pixels, and reading it decodes them: only if it matters.
    if width == height or picture.format == "TIFF":
        return height, width
    try:
        turned = _orientation(picture) in (5, 6, 7, 8)
    except UNREADABLE as error:
        raise _unreadable(column, row, error) from error
    return (width, height) if turned else (height, width)


def _orientation(picture: Image.Image) -> int:
    orientation: int = picture.getexif().get(ORIENTATION, 1)
    return orientation


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
