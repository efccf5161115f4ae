"""A sweep watched from its parent: its board drawn again as trials end, its workers' deaths remembered."""

import threading
from typing import Any

from pipeline.sweep.parent import Parent, Trial
from pipeline.sweep.process import Deaths

SECONDS = 2.0  # between two looks at the trials
SHARE = 20  # drawing takes at most one part in this many of the time


class Watch:
    """Looks at the children every few seconds, from a thread where the trials run in other processes."""

    def __init__(self, parent: Parent, objective: Any, planned: int | None) -> None:
        self.parent, self.objective, self.planned = parent, objective, planned
        self.deaths = Deaths()
        self.done = 0
        self.next_drawing = 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name="sweep-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.thread.start()

    def stop(self) -> None:
        """End the thread; a look that is under way is waited for."""
        self.stopped.set()
        self.thread.join()
        self.deaths.close()

    def _run(self) -> None:
        while not self.stopped.wait(SECONDS):
            trials = self.parent.attempts()
            for trial in trials:
                if trial.status == "RUNNING":
                    self.deaths.watch(trial.process)

    def look(self) -> None:
        """Describe the sweep anew if trials have ended."""
        self.draw("RUNNING")

    def draw(self, status: str) -> None:
        """Write the sweep's description and board."""
        self.parent.describe(self.objective, self.planned)

    def ending(self) -> str:
        """What is printed at the end: how many trials did what, which failed and why, and the best."""
        trials = self.parent.trials()
        return "\n".join([_counts(trials, self.planned), *_failures(trials)])


def _counts(trials: list[Trial], planned: int | None) -> str:
    return f"{sum(t.status == 'FINISHED' for t in trials)} of {planned or len(trials)} trials finished"


def _failures(trials: list[Trial]) -> list[str]:
    return [f"{t.status.lower()}: {t.name}: {t.reason}" for t in trials if t.status in ("FAILED", "KILLED")]
