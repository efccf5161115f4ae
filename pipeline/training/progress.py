"""The training's progress on a terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from keras.callbacks import Callback
from tqdm import tqdm


class Progress(Callback):
    """Prints one line per epoch, and a progress bar during long epochs.

    Args:
        heads: head -> the metric that is shown beside its loss; None for none.
        rows: number of rows of an epoch.
        shown: whether anything is printed; by default only if stderr is a terminal.
    """

    def __init__(self, heads: Mapping[str, str | None], rows: int, shown: bool | None = None) -> None:
        super().__init__()
        self.heads, self.rows = heads, rows
        self.shown = sys.stderr.isatty() if shown is None else shown
        self.bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self.shown:
            return
        if epoch == 0:
            print(self._row("epoch", self._titles()), file=sys.stderr)
        # delay: short epochs show no bar.
        self.bar = tqdm(total=self.rows, unit=" rows", desc=f"epoch {epoch + 1}", leave=False, delay=1.0)

    def rows_done(self, rows: int) -> None:
        """Set the bar to this number of rows."""
        if self.bar is not None:
            self.bar.update(rows - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if not self.shown:
            return
        self.bar.close()
        print(self._row(f"{epoch + 1}/{self.params['epochs']}", self._values(logs or {})), file=sys.stderr)

    def _titles(self) -> list[str]:
        titles = ["loss train|val"]
        for head, metric in self.heads.items():
            titles += [f"{head} loss"] + ([f"{head} {metric}"] if metric else [])
        return [*titles, "s"]

    def _values(self, logs: Mapping[str, float]) -> list[str]:
        names = ["loss"]
        for head, metric in self.heads.items():
            names += [f"{head}_loss"] + ([f"{head}_{metric}"] if metric else [])
        pairs = [f"{_number(logs, 'train/' + name)} | {_number(logs, 'val/' + name)}" for name in names]
        return [*pairs, f"{logs['time/epoch_s']:.2f}"]

    @staticmethod
    def _row(first: str, cells: Sequence[str]) -> str:
        return "  ".join([f"{first:>7}", *(f"{cell:>17}" for cell in cells[:-1]), f"{cells[-1]:>7}"])


def _number(logs: Mapping[str, float], name: str) -> str:
    return f"{logs[name]:.4g}" if name in logs else "-"
