"""Trains in a child process again and again, killing it, until one child comes to its end; for test_resume.

    python killed_training.py <end of each child> …

An end is `<epochs>+<seconds>`: the child is killed this long after it has handed over so many checkpoints; or
`write`: it is killed while it writes one.
TensorFlow is imported once, before the children are forked, so that a kill costs a second and not ten.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from hydra import compose, initialize_config_dir

import pipeline.training.checkpoint
from pipeline import config, tracking, train  # noqa: F401 - imported before the fork
from pipeline.job import artifacts  # noqa: F401 - imported before the fork
from pipeline.job.resume import Origin, resumed_config

OVERRIDES = [
    "experiment=image_series",
    "data.sources.noise.rows=320",
    "balancer=gradnorm",
    "schedule=plateau",
    "schedule.patience=2",
    "fusion.dropout=0.3",
    "trainer.epochs=60",
    "trainer.early_stopping={monitor: val/loss, patience: 60}",
    "tracking.log_model=false",
]


def child(run_id: str | None, end: str) -> None:
    """Train or resume, until the end."""
    if end == "write":
        _die_while_writing()
    elif end != "never":
        epochs, _, seconds = end.partition("+")
        _die_after(int(epochs), float(seconds))
    with initialize_config_dir(str(config.CONF)):
        typed = [f"resume={run_id}"] if run_id else OVERRIDES
        cfg = compose("config", overrides=typed)
    origin = Origin(typed, {}, [Path.cwd()])
    if run_id:
        cfg, origin = resumed_config(cfg, typed, {})
    train.run(cfg, origin, run_id=run_id)


def _die_after(epochs: int, seconds: float) -> None:
    saver = pipeline.training.checkpoint.Saver
    first, offer, offered = saver.__init__, saver.offer, []

    def die_if_due():
        if len(offered) == epochs:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def started(self, folder):
        first(self, folder)
        die_if_due()

    def counted(self, epoch, *state):
        offer(self, epoch, *state)
        offered.append(epoch)
        die_if_due()

    saver.__init__, saver.offer = started, counted


def _die_while_writing() -> None:
    real, calls = os.fsync, []

    def fsync(handle):
        calls.append(handle)
        if len(calls) == 7:
            os.ftruncate(handle, os.fstat(handle).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync


def main(ends: list[str]) -> None:
    run_id = None
    for end in [*ends, "never"]:
        pid = os.fork()
        if pid == 0:
            child(run_id, end)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(end, "killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}", flush=True)
        started = sorted(Path("mlruns/checkpoints").glob("*/config.yaml"))
        run_id = started[0].parent.name if started else None
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
