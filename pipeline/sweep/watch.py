"""A sweep watched from its parent: its board drawn again as trials end, its workers' deaths remembered."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.sweep.parent import Parent
from pipeline.sweep.process import Deaths, identity
from pipeline.sweep.trials import Sweep, Trial
from pipeline.tracking.addresses import compare_page, server_of

SECONDS = 2.0  # between two looks at the trials
SHARE = 20  # drawing takes at most one part in this many of the time

Importances = Callable[[], dict[str, dict[str, float]]]


class Watch:
    """Draws a sweep's board as its trials end.

    Where trials run in other processes a thread looks at them; where they run in this one `look` is called
    after each, as figures are not drawn in two threads at once.

    Args:
        importances: asks a search what its parameters matter.
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
    ) -> None:
        self.parent, self.title, self.objective, self.planned = parent, title, objective, planned
        self.command, self.options, self.importances = command, options, importances
        self.deaths = Deaths()
        self.drawn = 0  # ended trials on the last drawing
        self.next_drawing = 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name="sweep-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.thread.start()

    def stop(self) -> None:
        """End the thread; a drawing that is under way is waited for."""
        self.stopped.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stopped.wait(SECONDS):
            trials = self.parent.trials()
            elsewhere = [trial for trial in trials if trial.process != identity()]
            for trial in elsewhere:
                if trial.status == "RUNNING":
                    self.deaths.watch(trial.process)
            if elsewhere:
                self._draw_if_due(trials)

    def look(self) -> None:
        """A trial has ended in this process."""
        self._draw_if_due(self.parent.trials())

    def _draw_if_due(self, trials: list[Trial]) -> None:
        ended = sum(trial.status != "RUNNING" for trial in trials)
        if ended == self.drawn or time.monotonic() < self.next_drawing:
            return
        began = time.monotonic()
        self.draw(running=True)
        self.next_drawing = time.monotonic() + SHARE * (time.monotonic() - began)

    def draw(self, *, running: bool) -> None:
        """Write the sweep's board and description."""
        # Matplotlib and SciPy take a second to import, which the first trial need not wait for.
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
        )
        with tempfile.TemporaryDirectory() as folder:
            page.write(Path(folder), sweep)
            self.parent.log_folder(Path(folder))
        self.parent.describe(self.objective, self.planned)

    def _compare(self, trials: list[Trial]) -> str:
        server = server_of(self.parent.uri)
        run_ids = [trial.run_id for trial in trials]
        return compare_page(self.parent.experiment_id, run_ids, server) if server else ""

    def ending(self, since: int) -> str:
        """What is printed at the end: how many trials finished, which did not, and where to look."""
        trials = self.parent.trials()
        finished = sum(trial.status == "FINISHED" for trial in trials)
        lines = [f"{finished} of {self.planned or len(trials)} trials finished"]
        lines += [
            f"  {trial.status.lower()}: {trial.name}: {trial.reason}"
            for trial in trials
            if trial.status in ("FAILED", "KILLED") and trial.started >= since
        ]
        return "\n".join([*lines, f"board: {self.parent.page()}", f"sweep {self.parent.run_id}"])
