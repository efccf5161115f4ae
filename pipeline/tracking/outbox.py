"""What a run logs waits in a file until its store has it, so that training never waits and nothing is lost.

The file journal.jsonl has one entry a line. A thread sends the entries in order, those of about a second
together, because a server may take a second for each answer. While the store does not answer, it tries again
and again. The file `sent` holds how far it came.
"""

import json
import logging
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline import signals
from pipeline.paths import complete_file, folder_words

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
Send = Callable[[list[Entry], Path], None]
JOURNAL, SENT, LOCK, FILES = "journal.jsonl", "sent", "lock", "files"
SECONDS_PER_BATCH = 1.0  # metrics of fast epochs are sent together
LARGEST_BATCH = 1000  # metrics; MLflow's limit per request
LONGEST_PAUSE = 10.0  # seconds between two attempts
PATIENCE = 60.0  # seconds for which an ended run tries to reach its store
PATIENCE_AFTER_SIGNAL = 10.0
CHUNK = 1 << 20  # bytes of the journal that are read, and kept after they were sent
METRICS = "metrics"
ALONE = {"status", "untag", "end"}  # entries that are sent after all before them, and before all behind them


class Outbox:
    """Keeps the entries of a run in a folder and sends them.

    Args:
        folder: of this run; made with the first entry, and removed by `close` once all are sent.
        send: sends some entries, in any order; takes the entries and the folder.
        is_passing: whether an error will pass, so that sending is tried again. Another error is kept: what
            caused it is dropped, and the next call of `put` or `close` raises it.
        name: of the store, for messages.
        describe: an error in words, for messages.
    """

    def __init__(
        self,
        folder: Path,
        send: Send,
        is_passing: Callable[[Exception], bool],
        name: str,
        describe: Callable[[Exception], str] = str,
    ) -> None:
        self.folder, self.send, self.is_passing = folder, send, is_passing
        self.name, self.describe = name, describe
        self.error: Exception | None = None  # one that will not pass
        self.failing: Exception | None = None  # why the last attempt failed
        self.changed = threading.Condition()
        self.closing = self.told = False
        self.files = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / LOCK)
        self.lock.acquire(timeout=0)
        self.journal = (folder / JOURNAL).open("ab")
        self.size, self.position = self.journal.tell(), _position(folder)
        self.thread = threading.Thread(target=self._run, name="mlflow-writer", daemon=True)
        self.thread.start()

    def put(self, entry: Entry) -> None:
        """Adds an entry: `{kind: …}`."""
        if self.error:
            raise self.error
        self.append(entry)

    def append(self, entry: Entry) -> None:
        """Adds an entry, also after an error."""
        # A signal must not interrupt it where the lock was just taken.
        with signals.held(), self.changed:
            self.journal.write(json.dumps(entry).encode() + b"\n")
            self.journal.flush()
            self.size = self.journal.tell()
            self.changed.notify_all()

    def new_folder(self) -> Path:
        """A new empty folder for the files of an entry, which names it relative to the outbox's folder."""
        while True:
            path = self.folder / FILES / str(self.files)
            self.files += 1
            if not path.exists():
                path.mkdir(parents=True)
                return path

    def drain(self, patience: float = PATIENCE) -> bool:
        """Waits until everything is sent; False if the store cannot be reached for `patience` seconds.

        After a signal it waits no longer than `PATIENCE_AFTER_SIGNAL`, even if the store can be reached.
        """
        until = time.monotonic() + patience
        at_most = False
        with self.changed:
            self.closing = True  # no batch waits for more metrics
            self.changed.notify_all()
            while self.position < self.size:
                if signals.received() and not at_most:
                    at_most, until = True, min(until, time.monotonic() + PATIENCE_AFTER_SIGNAL)
                if (self.failing or at_most) and time.monotonic() > until:
                    return False
                self.changed.wait(0.1)
        return True

    def close(self) -> None:
        """Ends the outbox; its folder is removed if everything is sent."""
        with self.changed:
            done = self.position >= self.size
            self.journal.close()
            self.size = -1
            self.changed.notify_all()
        if done:
            remove(self.folder)
        self.lock.release()

    def _run(self) -> None:
        pause = SECONDS_PER_BATCH
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.position < self.size or self.size < 0)
                if self.size < 0:
                    return
                if not self.closing:
                    self.changed.wait_for(lambda: self.closing, SECONDS_PER_BATCH)
            for entries, end in batches(self.folder, self.position):
                try:
                    self._attempt(entries)
                except Exception as error:
                    self._say_failing(error)
                    with self.changed:
                        self.changed.wait_for(lambda: self.size < 0, pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    break
                self._say_back()
                pause = SECONDS_PER_BATCH
                self._advance(end)

    def _attempt(self, entries: list[Entry]) -> None:
        try:
            self.send(entries, self.folder)
        except Exception as error:
            if self.is_passing(error):
                raise
            self.error = error

    def _advance(self, end: int) -> None:
        with self.changed:
            if self.size < 0:
                return
            self.position = end
            if self.position == self.size > CHUNK:
                # A position beyond the end of the file counts as 0, so a kill between the two loses nothing.
                self.journal.truncate(0)
                self.position = self.size = 0
            _write_position(self.folder, self.position)
            self.changed.notify_all()

    def _say_failing(self, error: Exception) -> None:
        if self.failing and not self.told:
            self.told = True
            logger.warning(
                "%s cannot be written (%s); the training goes on, and what it logs waits in %s",
                self.name,
                self.describe(error),
                self.folder,
            )
        self.failing = error

    def _say_back(self) -> None:
        if self.told:
            logger.warning("%s can be written again; what waited is being sent", self.name)
        self.failing, self.told = None, False


def batches(folder: Path, position: int) -> Iterator[tuple[list[Entry], int]]:
    """The entries of the journal from a position on, in batches, and the position behind each batch."""
    with (folder / JOURNAL).open("rb") as journal:
        journal.seek(position)
        lines = journal.readlines(CHUNK)
    batch: list[Entry] = []
    for line in lines:
        if not line.endswith(b"\n"):
            break  # a kill interrupted the writing of the last entry
        entry = json.loads(line)
        full = _points([*batch, entry]) > LARGEST_BATCH
        if batch and (full or {batch[-1]["kind"], entry["kind"]} & ALONE):
            yield batch, position
            batch = []
        position += len(line)
        batch.append(entry)
    if batch:
        yield batch, position


def _points(entries: list[Entry]) -> int:
    return sum(len(entry[METRICS]) for entry in entries if entry["kind"] == METRICS)


def send_all(folder: Path, send: Send) -> int:
    """Sends what waits in the folder of a process that has ended, and removes it; returns the entries.

    Raises:
        Timeout: the process is running.
    """
    sent = 0
    with FileLock(folder / LOCK).acquire(timeout=0):
        position, size = _position(folder), (folder / JOURNAL).stat().st_size
        while position < size:
            found = list(batches(folder, position))
            if not found:
                break
            for entries, position in found:
                send(entries, folder)
                _write_position(folder, position)
                sent += len(entries)
        remove(folder)
    return sent


def waits(folder: Path) -> bool:
    """Whether a folder has entries that were not sent."""
    return (folder / JOURNAL).exists() and _position(folder) < (folder / JOURNAL).stat().st_size


def sync_command(run_id: str) -> str:
    """The command that sends what waits of a run."""
    return f"python -m pipeline.sync {shlex.join([f'run={run_id}', *folder_words()])}"


def remove(folder: Path) -> None:
    """Removes an outbox, and the folder of all outboxes if it was the last one."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.exists() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _position(folder: Path) -> int:
    try:
        position = int((folder / SENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return position if position <= (folder / JOURNAL).stat().st_size else 0


def _write_position(folder: Path, position: int) -> None:
    with complete_file(folder / SENT) as part:
        part.write_text(str(position), encoding="utf-8")
