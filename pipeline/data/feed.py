"""The rows that one pass over a split uses: tensors in memory, or windows of rows that are read ahead."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.memory import is_aligned
from pipeline.data.files.stored import row_bytes

WINDOW_BYTES = 64 * 2**20  # prepared rows in memory that are shuffled together; uses about four times as much
RUN_BYTES = 64 * 2**10  # neighbouring rows that are read together; reading more at a time is not faster
ROW_GROUPS = 4  # a window mixes at least so many row groups …
SHARED_BYTES = 2**20  # arrays of at least this size share their memory with tensors
MOST_BYTES = 4 * WINDOW_BYTES  # … unless they take more than this


def weight_key(head: str) -> str:
    """The name of a head's sample weights (rows,) among the labels; no head can have this name."""
    return f"{head}: weight"


@dataclass(frozen=True)
class Rows:
    """Prepared inputs and encoded labels of one split, by name, as tensors with the same order of rows."""

    inputs: Mapping[str, tf.Tensor]
    labels: Mapping[str, tf.Tensor]

    @classmethod
    def of(cls, inputs: Mapping[str, np.ndarray | LazyRows], labels: Mapping[str, np.ndarray]) -> "Rows":
        """Turns arrays into tensors once, so that no training step has to copy them."""
        return cls(
            {name: _tensor(values) for name, values in inputs.items()},
            {name: tf.convert_to_tensor(values) for name, values in labels.items()},
        )

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, order: np.ndarray) -> "Rows":
        """Some of the rows, in this order."""
        positions = tf.constant(order, tf.int32)
        return Rows(
            {name: tf.gather(values, positions) for name, values in self.inputs.items()},
            {name: tf.gather(values, positions) for name, values in self.labels.items()},
        )

    def arrange(self, order: np.ndarray, batch: int) -> np.ndarray:
        """Returns the requested order unchanged; see `Stream.arrange`."""
        return order

    def windows(self, order: np.ndarray, batch: int) -> Iterator[tuple["Rows", np.ndarray]]:
        """Yields all rows and the order to take them in, as a single window."""
        yield self, order


def _tensor(values: np.ndarray | LazyRows) -> tf.Tensor:
    """A tensor in the memory of a large array, if TensorFlow can use it as it is; else a copy."""
    if (
        isinstance(values, np.ndarray)
        and values.nbytes >= SHARED_BYTES
        and is_aligned(values)
        and not tf.config.list_logical_devices("GPU")
    ):
        return tf.experimental.dlpack.from_dlpack(values.__dlpack__())
    return tf.convert_to_tensor(values)


@dataclass(frozen=True)
class Stream:
    """Rows whose inputs do not fit into memory: each window is read while the one before it is used.

    The order within an epoch depends only on the requested order, so that a resumed run sees the same
    batches. Rows that are neighbours on disk form a run, which is read at once. Runs are read in the order in
    which their first rows are requested; the rows of a window are used in the requested order. If all rows
    are requested in order, they are used in order.

    Args:
        inputs: name -> values that are read when they are indexed by row positions.
        labels: arrays (rows, …).
        rows: (rows,) row numbers in the sources, where neighbours are neighbours on disk.
    """

    inputs: Mapping[str, LazyRows]
    labels: Mapping[str, np.ndarray]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row's prepared inputs."""
        return sum(row_bytes(values) for values in self.inputs.values())

    @property
    def runs(self) -> np.ndarray:
        """(rows,) the number of each row's run; the rows of a run are read together."""
        row_groups = self._row_groups()
        return self.rows // max(1, RUN_BYTES // self.row_bytes) if row_groups is None else row_groups

    def window(self, batch: int) -> int:
        """Number of rows in a window, a multiple of the batch size."""
        rows = WINDOW_BYTES // self.row_bytes
        row_groups = self._row_groups()
        if row_groups is not None:
            longest = int(np.bincount(row_groups).max())
            rows = max(rows, min(ROW_GROUPS * longest, MOST_BYTES // self.row_bytes))
        return max(1, rows // batch) * batch

    def take(self, order: np.ndarray) -> Rows:
        """Some of the rows, in this order, in memory."""
        sorted_rows = np.unique(order)
        return self._read(sorted_rows).take(np.searchsorted(sorted_rows, order))

    def arrange(self, order: np.ndarray, batch: int) -> np.ndarray:
        """The order in which rows are used if they are requested in `order`."""
        _, first, run = np.unique(self.runs[order], return_index=True, return_inverse=True)
        places = np.argsort(first[run], kind="stable")
        window = self.window(batch)
        for start in range(0, len(places), window):
            places[start : start + window].sort()
        return order[places]

    def windows(self, order: np.ndarray, batch: int) -> Iterator[tuple[Rows, np.ndarray]]:
        """Yields windows of rows in memory, each with the order to take them in.

        Args:
            order: the result of `arrange`.
            batch: the batch size.
        """
        window = self.window(batch)
        parts = [np.sort(order[start : start + window]) for start in range(0, len(order), window)]
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
            coming = ahead.submit(self._read, parts[0])
            for number, part in enumerate(parts):
                ready = coming.result()
                if number + 1 < len(parts):
                    coming = ahead.submit(self._read, parts[number + 1])
                yield ready, np.searchsorted(part, order[number * window : (number + 1) * window])

    def _row_groups(self) -> np.ndarray | None:
        """The row groups of the first input that is read by row groups."""
        groups = (values.row_groups for values in self.inputs.values() if values.row_groups is not None)
        return next(groups, None)

    def _read(self, positions: np.ndarray) -> Rows:
        inputs = {name: values[positions] for name, values in self.inputs.items()}
        return Rows.of(inputs, {name: values[positions] for name, values in self.labels.items()})
