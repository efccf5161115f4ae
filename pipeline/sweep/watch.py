"""Watches a sweep: tells of trials that ended, draws the board, and notes in which order workers end."""

import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import printable
from pipeline.sweep.parent import Parent
from pipeline.sweep.process import Deaths, identity
from pipeline.sweep.trial_files import TrialFiles
from pipeline.sweep.trials import Sweep, Trial
from pipeline.terminal import show
from pipeline.tracking.addresses import compare_page, server_of
from pipeline.tracking.opening import in_words

logger = logging.getLogger(__name__)
SECONDS = 2.0  # between two checks of the trials
SHARE = 20  # drawing takes at most 1/20 of the time

Importances = Callable[[], dict[str, dict[str, float]]]


class Watch:
    """Draws the board of a sweep while its trials run.

    For trials in other processes it does so in a thread. For trials in this process the callback calls `look`
    after each, because two threads must not draw figures at the same time.

    Args:
        parent: the sweep's run.
        importances: returns how much the parameters of a search matter; see `pipeline.sweep.study`.
        since: when the command was started, in milliseconds; earlier trials are not told of.
        workers: the number of trials that run at the same time.
    """

    def __init__(
        self,
        parent: Parent,
        *,
        title: str,
        objective: list[str],
        planned: int | None,
        command: str,
        options: str,
        importances: Importances,
        since: int = 0,
        workers: int = 1,
    ) -> None:
        self.parent, self.title, self.objective, self.planned = parent, title, objective, planned
        self.command, self.options, self.importances = command, options, importances
        self.since, self.workers = since, workers
        self.files = TrialFiles(parent)
        self.told: set[str] = set()  # ids of the runs of trials
        self.deaths = Deaths()
        self.drawn = 0  # number of ended trials on the last board
        self.next_drawing = 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name="sweep-watch", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self.thread.start()

    def stop(self) -> None:
        """Ends the thread, after it has finished drawing."""
        self.stopped.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stopped.wait(SECONDS):
            try:
                trials = self.parent.trials()
            except Exception as error:
                logger.warning("the trials could not be read: %s", in_words(error))
                continue
            elsewhere = [trial for trial in trials if trial.process != identity()]
            for trial in elsewhere:
                if trial.status == "RUNNING":
                    self.deaths.watch(trial.process)
            if elsewhere:
                self.tell(trials)
                self._draw_if_due(trials)

    def look(self) -> None:
        """Tells of trials that ended in this process, and draws the board again."""
        trials = self.parent.trials()
        self.tell(trials)
        self._draw_if_due(trials)

    def tell(self, trials: list[Trial]) -> None:
        """Tells of trials that ended and have not been told of."""
        from pipeline.sweep.lines import trial_line

        new = [one for one in trials if one.status != "RUNNING" and one.run_id not in self.told]
        for trial in sorted(new, key=lambda one: one.ended or one.started):
            self.told.add(trial.run_id)
            if trial.started >= self.since:
                line = trial_line(trial, trials, self.objective, planned=self.planned, workers=self.workers)
                show(printable(line), sys.stderr)

    def _draw_if_due(self, trials: list[Trial]) -> None:
        ended = sum(trial.status != "RUNNING" for trial in trials)
        if ended == self.drawn or time.monotonic() < self.next_drawing:
            return
        started = time.monotonic()
        try:
            self.draw(running=True)
        except Exception as error:
            # The trials matter more than their board, which is drawn again later.
            logger.warning("the board could not be drawn: %s: %s", type(error).__name__, error)
        self.next_drawing = time.monotonic() + SHARE * (time.monotonic() - started)

    def draw(self, *, running: bool) -> None:
        """Logs the sweep's board and description."""
        # Imported here, so that the first trial does not wait a second for Matplotlib and SciPy.
        from pipeline.sweep.board import page

        trials = self.parent.trials()
        self.drawn = sum(trial.status != "RUNNING" for trial in trials)
        sweep = Sweep(
            title=self.title,
            objective=self.objective,
            trials=trials,
            planned=self.planned,
            command=self.command,
            running=running,
            options=self.options,
            importances=self.importances(),
            compare=self._compare(trials),
            ensemble=self.parent.ensemble(),
            order=self.files.order(trials),
            addresses=self.files.addresses(trials),
            histories=self.files.histories(trials),
        )
        with tempfile.TemporaryDirectory() as folder:
            page.write(Path(folder), sweep)
            self.parent.log_folder(Path(folder))
        self.parent.describe(self.objective, self.planned, sweep.order)

    def _compare(self, trials: list[Trial]) -> str:
        server = server_of(self.parent.uri)
        run_ids = [trial.run_id for trial in trials]
        return compare_page(self.parent.experiment_id, run_ids, server) if server else ""

    def ending(self, since: int) -> str:
        """The text printed at the end: the best configurations, the trials without a result, the board."""
        from pipeline.sweep.lines import best_lines, fold_lines

        trials = self.parent.trials()
        finished = sum(trial.status == "FINISHED" for trial in trials)
        lines = [
            *fold_lines(trials, self.objective[0], self.files.order(trials)),
            *best_lines(trials, self.objective),
        ]
        lines += [f"{finished} of {self.planned or len(trials)} trials finished"]
        lines += [
            f"  {trial.status.lower()}: {trial.name}" + (f": {trial.reason}" if trial.reason else "")
            for trial in trials
            if trial.status in ("FAILED", "KILLED") and trial.started >= since
        ]
        look = [] if server_of(self.parent.uri) else ["look: python -m pipeline.ui"]
        return "\n".join([*lines, f"board: {self.parent.page()}", *look, f"sweep {self.parent.run_id}"])
