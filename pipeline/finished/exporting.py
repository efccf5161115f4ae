"""Exports the model of a finished run: the written file is run and compared before anybody sees it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipeline.errors import ConfigError
from pipeline.finished.formats.litert import LiteRT
from pipeline.finished.formats.onnx import Onnx
from pipeline.finished.formats.saved_model import SavedModel
from pipeline.finished.formats.serving import CannotHoldError
from pipeline.finished.run import FinishedRun, Forward

Arrays = Mapping[str, np.ndarray]
TOLERANCE = 1e-4  # of probabilities, and of numbers in standard deviations of their labels
MOST_ROWS = 256  # validation rows that are compared
ROWS_WITHOUT = 16  # of these, how many are compared without each input


class Format(Protocol):
    """A format: `write` writes a model to a file, `open` loads it, and `run` runs it.

    The methods raise `CannotHoldError` if the format lacks something that the model needs.
    """

    def write(self, model: Any, path: Path) -> None: ...

    def open(self, path: Path) -> None: ...

    def run(self, arrays: Arrays) -> dict[str, np.ndarray]: ...


FORMATS: dict[str, type[Format]] = {"saved_model": SavedModel, "litert": LiteRT, "onnx": Onnx}


@dataclass(frozen=True)
class Stored:
    """Validation rows of the run.

    Args:
        rows: (rows,) numbers.
        arrays: raw model input -> (rows, …).
        predictions: what the run logged for these rows, with a column `row`; at least the labels of numbers.
    """

    rows: np.ndarray
    arrays: dict[str, np.ndarray]
    predictions: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """How a written file was compared.

    Args:
        rows: number of validation rows.
        without: number of rows without an input.
        logged: largest difference from the logged predictions; None if there are none.
        model: largest difference from the logged model, on this machine.
        where: the rows in which it is.
    """

    rows: int
    without: int
    logged: float | None
    model: float
    where: str


def export(finished: FinishedRun, stored: Stored, name: str, out: Path) -> Compared:
    """Write the model in a format, compare the file with the logged predictions, and put it in its place.

    Args:
        name: a key of `FORMATS`.
        out: the file or folder; it appears only if all differences are within `TOLERANCE`.

    Raises:
        ConfigError: the format cannot hold the model, or the written file computes something else.
    """
    form = FORMATS[name]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{out.suffix}"
        with _refusing(name):
            form.write(finished.model, path)
            form.open(path)
            compared = compare(finished, stored, form)
        _check(compared, name)
        _place(path, out)
    return compared


def compare(finished: FinishedRun, stored: Stored, form: Format) -> Compared:
    """Run a written file on validation rows, and on copies of some of them without each input."""
    chosen = _spread_out(len(stored.rows), MOST_ROWS)
    arrays = {
        # As the model takes them: images of bytes are floats, because missing ones are NaN.
        key: stored.arrays[key][chosen].astype(object if tensor.dtype == "string" else tensor.dtype)
        for key, tensor in finished.model.input.items()
    }
    logged = stored.predictions.set_index("row").loc[stored.rows[chosen]]
    spreads = _spreads(finished, logged)
    outputs = form.run(arrays)
    from_logged = [
        _difference(values, np.stack(logged[column].to_numpy()), spreads[head])
        for head in finished.columns
        for column, values in finished.columns[head].values(head, outputs[head]).items()
        if column in logged and values.dtype.kind == "f"
    ]
    forward = Forward(finished.model, finished.batch())
    first = {key: values[:ROWS_WITHOUT] for key, values in arrays.items()}
    variants = dict(_without_each(first, finished))
    differences = {}
    # A single row too, because a runtime may fix the number of rows.
    others = {
        "the validation rows": arrays,
        "a single row": {key: values[:1] for key, values in arrays.items()},
    }
    for where, rows in (others | variants).items():
        expected, found = forward(rows), form.run(rows)
        differences[where] = max(
            _difference(found[head], expected[head], spreads[head]) for head in finished.columns
        )
    worst = max(differences, key=lambda where: differences[where])
    without = len(variants) * len(next(iter(first.values())))
    return Compared(len(chosen), without, max(from_logged, default=None), differences[worst], worst)


def _without_each(arrays: Arrays, finished: FinishedRun) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield the rows without each raw input, without each input as a whole, and without all of them."""
    absent = {key: _absent(values) for key, values in arrays.items()}
    for key in arrays:
        yield f"rows without {key}", {**arrays, key: absent[key]}
    for name, specs in finished.specs.items():
        yield f"rows without {name}", {**arrays, **{key: absent[key] for key in specs}}
    yield "rows without any input", absent


def _absent(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "OSU":
        return np.full(values.shape, "", object)
    return np.full(values.shape, np.nan, values.dtype)


def _spreads(finished: FinishedRun, logged: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the unit of each head's differences: 1 for probabilities, else the labels' spread by column."""
    spreads = {}
    for head, columns in finished.columns.items():
        spread = np.ones(1)
        if columns.kind == "number":
            labels = np.stack(logged[f"{head}_label"].to_numpy()).astype(np.float64)
            spread = np.ma.masked_invalid(labels.reshape(len(labels), -1)).std(axis=0).filled(0.0)
        spreads[head] = np.where(spread > 0, spread, 1.0)
    return spreads


def _difference(found: np.ndarray, expected: np.ndarray, spread: np.ndarray) -> float:
    """Return the largest difference, in units of `spread` (columns,); infinite where only one is NaN."""
    found, expected = (values.reshape(len(values), -1).astype(np.float64) for values in (found, expected))
    # The quantiles of a column stand side by side.
    unit = np.repeat(spread, max(1, found.shape[1] // len(spread)))
    both = np.isnan(found) & np.isnan(expected)
    differences = np.nan_to_num(np.abs(found - expected) / unit, nan=np.inf)
    return float(np.max(np.where(both, 0.0, differences), initial=0.0))


def _check(compared: Compared, name: str) -> None:
    """Raise ConfigError if a difference is beyond `TOLERANCE`."""
    if compared.model > TOLERANCE:
        problem = f"in {compared.where} the written file computes something else than the logged model"
        found = compared.model
    elif compared.logged is not None and compared.logged > TOLERANCE:
        problem = "on this machine the logged model computes something else than the logged predictions"
        found = compared.logged
    else:
        return
    raise ConfigError(
        "format",
        f"{problem}, so nothing was written",
        found=f"{name}: a largest difference of {found:.2g}",
        allowed=f"{TOLERANCE:g} (of probabilities; of numbers in standard deviations); or another format",
    )


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except CannotHoldError as error:
        problem = f"{error}; nothing was written"
        raise ConfigError("format", problem, found=name, allowed="saved_model holds every model") from error


def _place(path: Path, out: Path) -> None:
    """Move a whole file or folder to its place, which may be on another disk."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        shutil.copytree(path, part) if path.is_dir() else shutil.copy(path, part)
        part.rename(out)
    except BaseException:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        raise


def _spread_out(rows: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(int))
