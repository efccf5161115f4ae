"""Trains in a child process again and again, killing it, until one child comes to its end; for test_resume.

    python killed_training.py <seconds of each kill, or "write" to be killed while a checkpoint is written> …

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
    """Train or resume, to be killed after so many seconds of training or in the middle of a write."""
    if end == "write":
        _die_while_writing()
    elif end != "never":
        first = pipeline.training.checkpoint.Saver.__init__

        def started(self, folder):
            first(self, folder)
            threading.Timer(float(end), os.kill, (os.getpid(), signal.SIGKILL)).start()

        pipeline.training.checkpoint.Saver.__init__ = started
    with initialize_config_dir(str(config.CONF)):
        typed = [f"resume={run_id}"] if run_id else OVERRIDES
        cfg = compose("config", overrides=typed)
    origin = Origin(typed, {}, [Path.cwd()])
    if run_id:
        cfg, origin = resumed_config(cfg, typed, {})
    train.run(cfg, origin, run_id=run_id)


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
