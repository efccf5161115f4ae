"""The rows that a pass goes over: tensors held in memory, or windows of rows that are read ahead of it."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[Any]
WINDOW_BYTES = (
    64 * 2**20
)  # prepared rows that are in memory and shuffled at once; about four times this is used
RUN_BYTES = 64 * 2**10  # rows that lie together are read together: so much at once is as fast as more
PIECES = 4  # of what can only be read as a whole, so many at least are mixed in a window …
MOST_BYTES = 4 * WINDOW_BYTES  # … as long as they do not need more than this


@dataclass(frozen=True)
class Rows:
    """Prepared inputs and encoded labels of one split, by name, as tensors that share the row order."""

    inputs: Mapping[str, tf.Tensor]
    labels: Mapping[str, tf.Tensor]

    @classmethod
    def of(cls, inputs: Mapping[str, Array], labels: Mapping[str, Array]) -> "Rows":
        """Copy arrays into tensors once, so that no step has to."""
        return cls(
            {name: tf.convert_to_tensor(values) for name, values in inputs.items()},
            {name: tf.convert_to_tensor(values) for name, values in labels.items()},
        )

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, order: Array) -> "Rows":
        """Some of the rows, in this order."""
        at = tf.constant(order, tf.int32)
        return Rows(
            {name: tf.gather(values, at) for name, values in self.inputs.items()},
            {name: tf.gather(values, at) for name, values in self.labels.items()},
        )

    def arrange(self, order: Array, batch: int) -> Array:
        """The order in which rows are used that are asked for in `order`: that very one."""
        return order

    def windows(self, order: Array, batch: int) -> Iterator[tuple["Rows", Array]]:
        """Rows in memory and the order to take them in; together all of `order`, here at once."""
        yield self, order


@dataclass(frozen=True)
class Stream:
    """The same for inputs that do not fit into memory: windows of rows are read while the one before is used.

    The order within an epoch follows from the order asked for, so a resumed run sees the same batches: rows
    that lie together on the disk are read together, in the order of the first of them, and the rows of each
    window are used in the order asked for. Asked for one after the other, they come one after the other.

    Args:
        inputs: name -> what is indexed by row positions like an array, and reads them then.
        labels: arrays (rows, …).
        rows: (rows,) row numbers in the sources: neighbours lie together there.
    """

    inputs: Mapping[str, Any]
    labels: Mapping[str, Array]
    rows: Array

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row's prepared inputs."""
        return sum(max(1, int(np.prod(one.shape[1:]))) * one.dtype.itemsize for one in self.inputs.values())

    @property
    def pieces(self) -> Array:
        """(rows,) numbers; rows of the same number are read together."""
        for one in self.inputs.values():
            if one.pieces is not None:
                return one.pieces
        return self.rows // max(1, RUN_BYTES // self.row_bytes)

    def window(self, batch: int) -> int:
        """Rows of a window, whole batches."""
        wanted = WINDOW_BYTES // self.row_bytes
        if any(one.pieces is not None for one in self.inputs.values()):
            longest = int(np.bincount(self.pieces).max())
            wanted = max(wanted, min(PIECES * longest, MOST_BYTES // self.row_bytes))
        return max(1, wanted // batch) * batch

    def take(self, order: Array) -> Rows:
        """Some of the rows, in this order, in memory."""
        sorted_rows = np.unique(order)
        return self._read(sorted_rows).take(np.searchsorted(sorted_rows, order))

    def arrange(self, order: Array, batch: int) -> Array:
        """The order in which rows are used that are asked for in `order`."""
        _, first, piece = np.unique(self.pieces[order], return_index=True, return_inverse=True)
        places = np.argsort(first[piece], kind="stable")
        window = self.window(batch)
        for start in range(0, len(places), window):
            places[start : start + window].sort()
        return order[places]

    def windows(self, order: Array, batch: int) -> Iterator[tuple[Rows, Array]]:
        """Rows in memory and the order to take them in; together all of `order`, an arranged one."""
        window = self.window(batch)
        parts = [np.sort(order[start : start + window]) for start in range(0, len(order), window)]
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
            coming = ahead.submit(self._read, parts[0])
            for place, part in enumerate(parts):
                ready = coming.result()
                if place + 1 < len(parts):
                    coming = ahead.submit(self._read, parts[place + 1])
                yield ready, np.searchsorted(part, order[place * window : (place + 1) * window])

    def _read(self, positions: Array) -> Rows:
        inputs = {name: values[positions] for name, values in self.inputs.items()}
        return Rows.of(inputs, {name: values[positions] for name, values in self.labels.items()})
