"""Compare finished runs head by head: `python -m pipeline.compare RUN RUN …` or `sweep=<id or name>`.

The other runs are compared with the first one; of a sweep that is its best trial.
"""

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.errors import ConfigError
from pipeline.metric_names import sign
from pipeline.rules import MAPPING, TEXT, check_node, list_of, or_null

if TYPE_CHECKING:
    from pipeline.comparison.verdicts import Contender
    from pipeline.tracking import StoredRun

# Words of the command line -> keys; Hydra would take `sweep=…` for an option of conf/sweep/.
OPTIONS = {"sweep": "sweep.name", "output": "output", "tracking.uri": "tracking.uri"}
KEYS = {"runs": list_of(TEXT), "sweep": MAPPING, "output": or_null(TEXT), "tracking": MAPPING}
SPLITS = ("test", "val")
TAKE_A_WORD = ("--config-dir", "-cd", "--cfg", "-c")  # options of Hydra


def check(cfg: DictConfig) -> None:
    """Raise ConfigError for an unknown key, or unless either two runs or a sweep are named."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("sweep", config["sweep"], {"name": or_null(TEXT)})
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    runs, sweep = config["runs"], config["sweep"]["name"]
    if sweep is not None and runs:
        raise ConfigError(
            "sweep", "compare either runs or a sweep, not both", found=" ".join(runs), allowed="sweep=<id>"
        )
    if sweep is None and len(runs) < 2:
        raise ConfigError(
            "runs",
            "name at least two runs, or a sweep",
            found=" ".join(runs) or "none",
            allowed="python -m pipeline.compare RUN RUN …, or sweep=<id or name>; see --help",
        )


@verb(config_name="compare", check=check)
def command(cfg: DictConfig) -> None:
    """Compare the runs that the command line names."""
    print(run(cfg.runs, sweep=cfg.sweep.name, output=cfg.output, uri=cfg.tracking.uri))


def main() -> None:
    """Run the command; words that are no option name runs."""
    sys.argv[1:] = overrides(sys.argv[1:])
    command()


def overrides(words: Sequence[str]) -> list[str]:
    """A command line in Hydra's grammar.

    Values are quoted, so that `8188` is a name and no number; a run's name may hold `=`, as `class=0.5 adam`.

    Example:
        >>> overrides(["3f2a", "class=0.5 adam", "output=x"])
        ["output='x'", "runs=['3f2a','class=0.5 adam']"]
    """
    kept, runs = [], []
    for before, word in zip(["", *words], words, strict=False):
        key, equals, value = word.partition("=")
        if equals and key in OPTIONS:
            kept.append(f"{OPTIONS[key]}={_quoted(value)}")
        elif word.startswith(("-", "hydra.", "hydra/", "runs=")) or before in TAKE_A_WORD:
            kept.append(word)
        else:
            runs.append(word)
    return [*kept, f"runs=[{','.join(map(_quoted, runs))}]"] if runs else kept


def run(
    wanted: Sequence[str], *, sweep: str | None = None, output: str | None = None, uri: str | None = None
) -> str:
    """Write the page; returns what a terminal shows.

    Args:
        wanted: runs, each by its id, the beginning of one, or its name.
        sweep: id or name of a sweep whose finished trials are compared instead.
        output: folder of the page.
        uri: MLflow's store; None for the default.

    Raises:
        ConfigError: a run is unknown or named twice, or the runs share no rows.
    """
    from pipeline.comparison import page
    from pipeline.comparison.verdicts import rows_compared, verdicts
    from pipeline.tracking import find_run

    stored = _trials(sweep, uri) if sweep else [find_run(name, uri) for name in wanted]
    runs = [_contender(one) for one in _with_distinct_names(stored)]
    by_split = {split: verdicts(runs, split) for split in SPLITS}
    folder = Path(output or f"mlruns/comparisons/{sweep or '-'.join(one.run_id[:6] for one in runs[:4])}")
    options = {"sweep": sweep, "output": output, "tracking.uri": uri}
    words = [*wanted, *(f"{key}={value}" for key, value in options.items() if value)]
    page.write(folder, runs, by_split, shlex.join(["python", "-m", "pipeline.compare", *words]))
    shown = [page.text(runs, by_split["test"]), "", rows_compared(runs, "test")]
    return "\n".join([*shown, f"page: {(folder / page.PAGE).resolve()}"])


def _trials(sweep: str, uri: str | None) -> list["StoredRun"]:
    """A sweep's finished trials, the best by its first objective first."""
    from pipeline.tracking import all_runs, find_run
    from pipeline.tracking.reading import recorded

    parent = find_run(sweep, uri)
    if "sweep.objective" not in parent.tags:
        raise ConfigError("sweep", "this run is not a sweep", found=sweep, allowed="a sweep's id or name")
    metric = json.loads(parent.tags["sweep.objective"])[0]
    condition = f"tags.`mlflow.parentRunId` = '{parent.run_id}' and attributes.status = 'FINISHED'"
    trials = [
        recorded(parent.client, parent.uri, one) for one in all_runs(parent.client, condition=condition)
    ]
    trials = [trial for trial in trials if metric in trial.metrics]
    if len(trials) < 2:
        raise ConfigError("sweep", "fewer than two of its trials have finished", found=sweep)
    return sorted(trials, key=lambda trial: -sign(metric) * trial.metrics[metric])


def _with_distinct_names(runs: Sequence["StoredRun"]) -> list["StoredRun"]:
    """Add the beginning of its id to the name of each run that shares its name with another."""
    ids = [run.run_id for run in runs]
    if len(set(ids)) < len(ids):
        raise ConfigError("runs", "a run is named twice", found=" ".join(ids), allowed="different runs")
    names = [run.name for run in runs]
    return [
        replace(run, name=f"{run.name} {run.run_id[:6]}") if names.count(run.name) > 1 else run
        for run in runs
    ]


def _contender(run: "StoredRun") -> "Contender":
    import pandas as pd

    from pipeline.comparison.verdicts import Contender

    frames = {split: pd.read_parquet(run.artifact(f"predictions/{split}.parquet")) for split in SPLITS}
    return Contender(run.run_id, run.name, run.params, run.metrics, frames)


def _quoted(text: str) -> str:
    """A text in Hydra's grammar; one that is quoted already, and null, stay as they are."""
    if text == "null" or (len(text) > 1 and text[0] == text[-1] and text[0] in "'\""):
        return text
    # A backslash is only special before a quote.
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


if __name__ == "__main__":
    main()
