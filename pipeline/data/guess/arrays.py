"""The meaning of an array with several numbers per row, by its shape, and of lists in cells."""

from collections.abc import Sequence

import numpy as np

from pipeline.data.guess.cells import Cells, shown
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import words_of

IMAGE_NAMES = {"image", "images", "img", "imgs", "pixels", "picture", "pictures", "photo", "photos", "x"}
CHANNELS = (1, 3, 4)  # grey, colour, colour with transparency
SMALLEST_IMAGE = 6  # pixels on a side
SMALLEST_SERIES = 8  # steps
LOOKED_AT = 2000  # rows
NEIGHBOURS, MORE_THAN_OTHERS = 0.5, 0.15  # correlation of neighbouring columns in a series
TOLERANCE = 1e-3  # of the sum of shares, as in pipeline.data.kinds.category


def meaning_of_array(cells: Cells) -> Meaning:
    """The meaning of an array (rows, …) of two or more dimensions."""
    values, shape = cells.values, cells.values.shape[1:]
    if values.dtype.kind not in "biuf":
        return Meaning("other", f"an array {_times(shape)} of {values.dtype}, not of numbers")
    if values.dtype.kind == "f" and np.isinf(values).any():
        return Meaning("other", "some numbers are infinite")
    if len(shape) == 1:
        return meaning_of_rows(values, cells.name)
    if len(shape) == 2:
        return _image_or_series(cells)
    if len(shape) == 3 and shape[-1] in CHANNELS:
        return _image(cells)
    if len(shape) == 3 and shape[0] in CHANNELS:
        return Meaning(
            "other",
            f"images {_times(shape)} with the channels first; store them as height x width x channels",
        )
    return Meaning("other", f"an array {_times(shape)}: no kind of input takes it")


def meaning_of_rows(values: np.ndarray, name: str) -> Meaning:
    """The meaning of (rows, columns): shares, flags, the steps of a series, or a vector."""
    columns = values.shape[1]
    sample = values[:: max(1, len(values) // LOOKED_AT)].astype(np.float64)
    empty = np.isnan(sample).all(axis=0)
    if empty.any():
        return Meaning("other", f"number {int(np.argmax(empty)) + 1} of {columns} is missing in every row")
    present = sample[~np.isnan(sample).any(axis=1)]
    if len(present) and ((present == 0) | (present == 1)).all():
        return Meaning("flags", f"{columns} columns of 0 and 1")
    if len(present) and (present >= 0).all() and (np.abs(present.sum(axis=1) - 1) < TOLERANCE).all():
        return Meaning("parts", f"{columns} shares that add up to 1 in every row")
    if is_series(present):
        why = f"{columns} columns, of which neighbours are alike: steps of a series"
        return Meaning("series", why, "a vector, if their order means nothing")
    return Meaning(
        "vector", f"{columns} numbers", "a series, if they are steps" if columns > SMALLEST_SERIES else ""
    )


def is_series(values: np.ndarray) -> bool:
    """Whether neighbouring columns of (rows, columns) are more alike than other columns."""
    rows, columns = values.shape
    if columns < SMALLEST_SERIES or rows < SMALLEST_SERIES:
        return False
    spread = values.std(axis=0)
    if (spread > 0).sum() < columns / 2:
        return False
    scaled = ((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1))[:, :LOOKED_AT]
    correlation = np.abs(scaled.T @ scaled) / rows
    near = np.diag(correlation, 1).mean()
    far = correlation[np.triu_indices(len(correlation), columns // 4)].mean()
    return bool(near >= NEIGHBOURS and near >= far + MORE_THAN_OTHERS)


def meaning_of_lists(cells: Cells) -> Meaning:
    """The meaning of a column whose cells are lists."""
    lists = [cell for cell, present in zip(cells.values, cells.present, strict=True) if present]
    words = [one for cell in lists for one in cell if isinstance(one, str)]
    if words:
        if all(isinstance(one, str) for cell in lists[:LOOKED_AT] for one in cell):
            return Meaning("labels", f"lists of words: {shown(dict.fromkeys(words))}")
        return Meaning("other", "lists of words and numbers")
    try:
        arrays = [np.array([*cell], dtype=np.float32) if len(cell) else None for cell in lists[:LOOKED_AT]]
        arrays = [array if array is None or array.dtype != object else None for array in arrays]
    except (TypeError, ValueError):
        return Meaning("other", "lists of lists of different lengths, or of objects")
    return _meaning_of_equal_lists([array for array in arrays if array is not None], cells.name)


def _meaning_of_equal_lists(arrays: Sequence[np.ndarray], name: str) -> Meaning:
    if not arrays:
        return Meaning("empty", "all lists are empty")
    shapes = {array.shape for array in arrays}
    if len({len(shape) for shape in shapes}) > 1:
        return Meaning("other", "lists of different depths")
    if len(shapes) == 1 and arrays[0].ndim == 1:
        return meaning_of_rows(np.stack(arrays), name)
    lengths = [len(array) for array in arrays]
    if arrays[0].ndim == 1 or (arrays[0].ndim == 2 and len({shape[1] for shape in shapes}) == 1):
        return Meaning("series", f"lists of {min(lengths)} to {max(lengths)} steps")
    return Meaning(
        "other", f"lists of arrays {shown(map(_times, sorted(shapes)))}: no kind of input takes them"
    )


def _image_or_series(cells: Cells) -> Meaning:
    """(rows, height, width) are grey images if the cells are bytes or the pictures are square."""
    values, (first, second) = cells.values, cells.values.shape[1:]
    named = not IMAGE_NAMES.isdisjoint(words_of(cells.name))
    large = min(first, second) >= SMALLEST_IMAGE
    square = first == second and first >= SMALLEST_IMAGE
    if large and (values.dtype == np.uint8 or square or (named and values.dtype.kind != "f")):
        other = "" if values.dtype == np.uint8 else f"a series of {first} steps, {second} channels each"
        return _image(cells, other)
    other = "an image, if both are pixels" if large else ""
    return Meaning("series", f"{first} steps, {second} channels", other)


def _image(cells: Cells, other: str = "") -> Meaning:
    values, shape = cells.values, cells.values.shape[1:]
    if values.dtype.kind in "iu" and (values.min() < 0 or values.max() > 255):
        why = f"whole numbers from {values.min()} to {values.max()} are no bytes; store them as floats"
        return Meaning("other", f"images {_times(shape)}: {why}")
    if values.dtype.kind == "b":
        return Meaning("other", f"images {_times(shape)} of true and false; store them as uint8")
    return Meaning("image", f"{_times(shape)} pixels, {values.dtype}", other)


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
