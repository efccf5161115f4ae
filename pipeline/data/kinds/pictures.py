"""Picture files: png, jpeg and other formats of Pillow, named in a column or contained in it as bytes."""

import io
import logging
import struct
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.data.columns import Column, RowError
from pipeline.data.missing import is_missing
from pipeline.errors import ConfigError
from pipeline.paths import locate_inside

logger = logging.getLogger(__name__)
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
NUMBERS = ("I", "F")  # whole numbers of 32 bits, and floats
GREY = ("1", "L", "LA", *SIXTEEN_BITS, *NUMBERS)
BYTES, WORDS, WIDE = 8, 16, 32  # bits of a pixel's channel
STEPS = 257  # of 16 bits in one of 8: 255 becomes 65,535
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
) -> tuple[tuple[int, int, int], int]:
    """Reads the headers of all pictures.

    Returns:
        The shape they will have, (height, width, channels), and the bits of a channel.

    Raises:
        ConfigError: a file does not exist or is not a picture, the sizes differ and `size` is None, or some
            pixels have 32 bits and others fewer.
    """
    grey, expected = True, tuple(size) if size else None
    bits: Counter[int] = Counter()
    for column in columns:
        for row in np.flatnonzero(~is_missing(column.values)).tolist():
            with _open(column, row, roots) as picture:
                grey &= picture.mode in GREY
                bits[_bits(picture)] += 1
                if WIDE in bits and len(bits) > 1:
                    raise _other_bits(column, row, picture, max(bits.keys() - {_bits(picture)}))
                actual = tuple(size) if size else _upright_size(column, row, picture)
            expected = expected or actual
            if size is None and actual != expected:
                raise column.error(
                    row,
                    "the size of the picture differs from that of earlier ones",
                    f"{_size_text(expected)}; `size: [height, width]` resizes all pictures",
                    found=_size_text(actual),
                )
    if len(bits) > 1:
        logger.warning(
            "%s: %s pictures have 8 bits and %s have 16; pixels of the former are multiplied by %s",
            *(column.reference, f"{bits[BYTES]:,}", f"{bits[WORDS]:,}", STEPS),
        )
    height, width = expected or (0, 0)
    return (int(height), int(width), channels or (1 if grey else 3)), max(bits, default=BYTES)


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


def read_pictures(
    column: Column, roots: Sequence[Path], shape: tuple[int, ...], bits: int = BYTES
) -> np.ndarray:
    """Reads pictures as (rows, height, width, channels): uint8, or float32 with NaN for missing ones.

    Transparent pixels become white, the orientation of a photo is applied, and resizing is bilinear with
    antialiasing.

    Args:
        bits: of a channel, the most that any picture has; with more than 8 all results are float32.

    Raises:
        ConfigError: a file is truncated or unreadable, or has more bits.
    """
    missing = is_missing(column.values)
    floats = bool(missing.any()) or bits > BYTES
    result = np.full(
        (len(column.values), *shape), np.nan if floats else 0, np.float32 if floats else np.uint8
    )
    for row in np.flatnonzero(~missing):
        with _open(column, int(row), roots) as picture:
            own = _bits(picture)
            if own > bits or (bits == WIDE and own < bits):
                raise _other_bits(column, int(row), picture, bits)
            try:
                pixels = _pixels(picture, shape) if own == BYTES else _deep_pixels(picture, shape)
            except UNREADABLE as error:
                raise _unreadable(column, int(row), error) from error
            result[row] = pixels if own == bits else pixels.astype(np.float32) * STEPS
    return result


def _bits(picture: Image.Image) -> int:
    return BYTES if picture.mode in EIGHT_BITS else WORDS if picture.mode in SIXTEEN_BITS else WIDE


def _other_bits(column: Column, row: int, picture: Image.Image, bits: int) -> RowError:
    problem = "the picture has another number of bits per channel than others, and no common range of values"
    return column.error(row, problem, f"{bits} bits", f"{_bits(picture)} bits (mode {picture.mode})")


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
    if picture.mode not in (*EIGHT_BITS, *SIXTEEN_BITS, *NUMBERS):
        picture.close()
        problem = "the picture has colours that are neither grey, RGB nor CMYK"
        raise column.error(row, problem, "grey, RGB, CMYK", f"mode {picture.mode}")
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


def _deep_pixels(picture: Image.Image, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of a grey picture of more than 8 bits, in its own range of values, float32."""
    height, width, channels = shape
    picture = ImageOps.exif_transpose(picture) if _orientation(picture) > 1 else picture
    grey = Image.fromarray(np.asarray(picture).astype(np.float32))
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(grey)[..., None], channels, axis=2)
