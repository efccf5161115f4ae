"""Runs held against each other, head by head: `python -m pipeline.compare RUN RUN …` or `sweep=<id or name>`.

The first run is the one that the others are held against; of a sweep that is its best trial.
"""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError

USAGE = """python -m pipeline.compare RUN RUN …       runs by id, start of an id, or name, beside the first
python -m pipeline.compare sweep=<id>      all finished trials of a sweep beside its best; a name will do

  output=FOLDER         where the page goes; mlruns/comparisons/… if not given
  tracking.uri=ADDRESS  MLflow's store; the working folder's if not given"""
OPTIONS = ("sweep", "output", "tracking.uri")
SPLITS = ("test", "val")


def main(words: Sequence[str] | None = None) -> int:
    """Compare the runs that a command names; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    if not words or "--help" in words or "-h" in words:
        print(USAGE)
        return 0 if words else 2
    try:
        wanted, options = read(words)
        print(compare(wanted, options, shlex.join(["python", "-m", "pipeline.compare", *words])))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def read(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The runs and options that a command line names.

    Raises:
        ConfigError: an unknown option, or neither two runs nor a sweep.
    """
    # A run's name may hold "=", as in `class=0.5 adam`; an option begins with its key.
    options = {}
    runs = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in OPTIONS:
            options[key] = value
        else:
            runs.append(word)
    if "sweep" in options and runs:
        raise ConfigError("sweep", "either runs or a sweep", found=" ".join(runs), allowed="sweep=<id>")
    if "sweep" not in options and len(runs) < 2:
        raise ConfigError("runs", "two runs at least", found=" ".join(runs) or "none", allowed=USAGE)
    return runs, options


def compare(wanted: Sequence[str], options: dict[str, str], command: str) -> str:
    """Write the page; returns what a terminal shows."""
    from pipeline.comparison import page
    from pipeline.comparison.verdicts import verdicts
    from pipeline.tracking import find_run

    uri = options.get("tracking.uri")
    found = _of_sweep(options["sweep"], uri) if "sweep" in options else [find_run(one, uri) for one in wanted]
    runs = [_contender(run) for run in _named_apart(found)]
    by_split = {split: verdicts(runs, split) for split in SPLITS}
    name = options.get("sweep") or "-".join(run.run_id[:6] for run in runs[:4])
    folder = Path(options.get("output") or f"mlruns/comparisons/{name}")
    page.write(folder, runs, by_split, command)
    return f"{page.text(runs, by_split['test'])}\n\npage: {(folder / page.PAGE).resolve()}"


def _of_sweep(wanted: str, uri: str | None) -> list[Any]:
    """A sweep's finished trials, the best by its first objective first."""
    from pipeline.metric_names import sign
    from pipeline.tracking import all_runs, find_run
    from pipeline.tracking.reading import recorded

    parent = find_run(wanted, uri)
    if "sweep.objective" not in parent.tags:
        raise ConfigError("sweep", "this run is no sweep", found=wanted, allowed="a sweep's id or name")
    metric = json.loads(parent.tags["sweep.objective"])[0]
    condition = f"tags.`mlflow.parentRunId` = '{parent.run_id}' and attributes.status = 'FINISHED'"
    runs = [recorded(parent.client, parent.uri, run) for run in all_runs(parent.client, condition=condition)]
    runs = [run for run in runs if metric in run.metrics]
    if len(runs) < 2:
        raise ConfigError("sweep", "fewer than two of its trials have finished", found=wanted)
    return sorted(runs, key=lambda run: -sign(metric) * run.metrics[metric])


def _named_apart(runs: Sequence[Any]) -> list[Any]:
    """Runs of one name get the beginning of their id added; the same run twice is refused."""
    from dataclasses import replace

    ids = [run.run_id for run in runs]
    if len(set(ids)) < len(ids):
        raise ConfigError("runs", "the same run twice", found=" ".join(ids), allowed="different runs")
    names = [run.name for run in runs]
    return [
        replace(run, name=f"{run.name} {run.run_id[:6]}") if names.count(run.name) > 1 else run
        for run in runs
    ]


def _contender(run: Any) -> Any:
    import pandas as pd

    from pipeline.comparison.verdicts import Contender

    frames = {split: pd.read_parquet(run.artifact(f"predictions/{split}.parquet")) for split in SPLITS}
    return Contender(run.run_id, run.name, run.params, run.metrics, frames)


if __name__ == "__main__":
    sys.exit(main())
