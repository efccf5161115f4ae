"""The lines on a training's epochs, and a bar during long epochs on a terminal."""

import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from keras.callbacks import Callback
from tqdm import tqdm

from pipeline.metric_names import name_of, sign
from pipeline.notices import is_silent, logger, notice, told

HEADER_EVERY = 25  # lines
PAUSE = 0.3  # seconds between two lines: short epochs share one
FIRST = 7  # characters of the first column, or more if there are many epochs
ENDS = ("best", "left")  # titles of the last columns


class Progress(Callback):
    """Tells after each epoch the losses, the skills, the best epoch so far and the time left.

    On a terminal the lines fit its width: if there is no room for the losses of all heads, only their skills
    are shown, and then only those of the first heads.

    Args:
        heads: names of the heads.
        rows: number of rows of an epoch.
        monitor: the metric by which the best epoch is chosen; None for the last one.
        width: characters of a line; by default those of the terminal, or 120 if there is none.
    """

    def __init__(
        self, heads: Sequence[str], rows: int, *, monitor: str | None = None, width: int | None = None
    ) -> None:
        super().__init__()
        self.heads, self.rows, self.monitor = list(heads), rows, monitor
        self.width = width or (shutil.get_terminal_size().columns if sys.stderr.isatty() else 120)
        self.first = FIRST
        self.columns = self._columns()
        self.best: tuple[float, int] = (-math.inf, 0)
        self.lines, self.told = 0, -math.inf
        self.epochs, self.seconds = 0, 0.0
        self.bar: Any = None
        self.epoch, self.began = 0, 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        epochs = str(self.params["epochs"])
        self.first = max(FIRST, 2 * len(epochs) + 1)
        self.columns = self._columns()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch, self.began = epoch + 1, time.monotonic()
        # delay: short epochs show no bar.
        self.bar = tqdm(
            total=self.rows,
            unit=" rows",
            desc=f"epoch {epoch + 1}",
            leave=False,
            delay=1.0,
            disable=not sys.stderr.isatty(),
        )

    def rows_done(self, rows: int) -> None:
        """Set the bar to this number of rows; without a terminal tell it from time to time."""
        if self.bar is None:
            return
        if not self.bar.disable:
            self.bar.update(rows - self.bar.n)
            told()
        elif is_silent(self.began):
            notice(f"epoch {self.epoch}: {rows:,} of {self.rows:,} rows")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        self.bar.close()
        self._measure(logs.get("time/epoch_s", 0.0))
        self._compare(epoch + 1, logs.get(self.monitor or "", math.nan))
        line, last = self._line(epoch + 1, logs), epoch + 1 == self.params["epochs"]
        if time.monotonic() - self.told < PAUSE and not last:
            logger.info(line)
            return
        self.told = time.monotonic()
        if self.lines == 0 and (left_out := self._left_out()):
            names = _short(", ".join(left_out), 30)
            notice(f"no room for the skill of {len(left_out)} heads, see MLflow: {names}")
        if self.lines % HEADER_EVERY == 0:
            notice(self._header())
        self.lines += 1
        notice(line)

    def recall(self, history: Mapping[str, Sequence[float]]) -> None:
        """Take the best epoch of a resumed run from its history."""
        for epoch, value in enumerate(history.get(self.monitor or "", []), start=1):
            self._compare(epoch, value)

    def _measure(self, seconds: float) -> None:
        """Average the seconds of the last epochs."""
        self.epochs += 1
        # The first epoch traces the graphs, so it says little about those to come.
        self.seconds = seconds if self.epochs <= 2 else 0.7 * self.seconds + 0.3 * seconds

    def _compare(self, epoch: int, value: float) -> None:
        if self.monitor and sign(self.monitor) * value > self.best[0]:
            self.best = sign(self.monitor) * value, epoch

    def _columns(self) -> list[tuple[str, str, int]]:
        """Return (title, metric, width) for the columns between the epoch and the time."""
        common = [
            ("loss", "train/loss", 8),
            ("val loss", "val/loss", 8),
            ("val skill", name_of("val", None, "skill"), 9),
        ]
        room = self.width - len(self._joined("epoch", common, *ENDS))
        if len(self.heads) == 1:
            return common
        skills = [_column(_short(head, 14), head, "skill") for head in self.heads]
        both = [
            _column(f"{_short(head, 14)} {word}", head, word)
            for head in self.heads
            for word in ("loss", "skill")
        ]
        if sum(width + 2 for _, _, width in both) <= room:
            return common + both
        while skills and sum(width + 2 for _, _, width in skills) > room:
            skills.pop()
        return common + skills

    def _left_out(self) -> list[str]:
        """Return the heads whose skill has no column."""
        shown = {metric for _, metric, _ in self.columns}
        return [
            head for head in self.heads if len(self.heads) > 1 and name_of("val", head, "skill") not in shown
        ]

    def _header(self) -> str:
        return self._joined("epoch", self.columns, *ENDS)

    def _line(self, epoch: int, logs: Mapping[str, float]) -> str:
        left = (self.params["epochs"] - epoch) * self.seconds
        cells = [(_number(logs.get(metric)), metric, width) for _, metric, width in self.columns]
        best = str(self.best[1]) if self.best[1] else "-"
        # The first epoch took longer than the others will: it traced the graphs.
        most = "<" if self.epochs == 1 and left else ""
        return self._joined(f"{epoch}/{self.params['epochs']}", cells, best, most + _clock(left))

    def _joined(self, first: str, columns: Sequence[tuple[str, str, int]], best: str, left: str) -> str:
        cells = [f"{text:>{width}}" for text, _, width in columns]
        return "  ".join([f"{first:>{self.first}}", *cells, f"{best:>4}", f"{left:>7}"])


def _column(title: str, head: str, word: str) -> tuple[str, str, int]:
    return title, name_of("val", head, word), max(len(title), 7)


def _short(head: str, longest: int) -> str:
    return head if len(head) <= longest else f"{head[: longest - 1]}…"


def _clock(seconds: float) -> str:
    """Format seconds as 0:05, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _number(value: float | None) -> str:
    """Format with four decimals below 100, so that the digits of a column stand below one another."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) < 100:
        return f"{value:.4f}"
    return f"{value:.1f}" if abs(value) < 1e6 else f"{value:.3g}"
