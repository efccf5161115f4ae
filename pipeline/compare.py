"""Compares finished runs head by head: `python -m pipeline.compare RUN RUN …` or `sweep=<id or name>`.

All runs are compared with the first one, the trials of a sweep with the best one. The id of a sweep over
folds names its out-of-fold predictions.
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.config.naming import FOLD
from pipeline.config.quoting import quoted
from pipeline.errors import ConfigError, printable
from pipeline.metric_names import sign
from pipeline.rules import MAPPING, TEXT, check_node, list_of, or_null
from pipeline.secrets import mask
from pipeline.stored_file import list_in_tag
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.tracking import StoredRun

# Words of the command line -> keys, because Hydra would read `sweep=…` as an option in conf/sweep/.
OPTIONS = {"sweep": "sweep.name", "output": "output", "tracking.uri": "tracking.uri"}
KEYS = {"runs": list_of(TEXT), "sweep": MAPPING, "output": or_null(TEXT), "tracking": MAPPING}
WITH_VALUE = ("--config-dir", "-cd", "--cfg", "-c")  # options of Hydra followed by a value


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key, and unless the config names either two runs or a sweep."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("sweep", config["sweep"], {"name": or_null(TEXT)})
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    runs, sweep = config["runs"], config["sweep"]["name"]
    if sweep is not None and runs:
        raise ConfigError(
            "sweep",
            "either runs or a sweep can be compared, not both",
            found=f"{' '.join(runs)} sweep={sweep}",
            allowed="RUN RUN …, or sweep=<id or name>",
        )
    if sweep is None and len(runs) < 2:
        raise ConfigError(
            "runs",
            "at least two runs or a sweep are required",
            found=" ".join(runs) or "none",
            allowed="python -m pipeline.compare RUN RUN …, or sweep=<id or name>; see --help",
        )


@verb(config_name="compare", check=check, texts=("runs",))
def command(cfg: DictConfig) -> None:
    """Compares the runs that the command line names."""
    text = run(cfg.runs, sweep=cfg.sweep.name, output=cfg.output, uri=cfg.tracking.uri)
    show(printable(text), sys.stdout)


def main() -> None:
    """Runs the command; words that are not options name runs."""
    sys.argv[1:] = overrides(sys.argv[1:])
    command()


def overrides(words: Sequence[str]) -> list[str]:
    """Translates a command line to Hydra's grammar.

    Quotes make `8188` a name and not a number. The name of a run may contain `=`, such as `class=0.5 adam`.

    Example:
        >>> overrides(["3f2a", "class=0.5 adam", "output=x"])
        ["output='x'", "runs=['3f2a','class=0.5 adam']"]
    """
    kept, runs = [], []
    for before, word in zip(["", *words], words, strict=False):
        key, equals, value = word.partition("=")
        if equals and key in OPTIONS:
            kept.append(f"{OPTIONS[key]}={quoted(value)}")
        elif word.startswith(("-", "hydra.", "hydra/", "runs=")) or before in WITH_VALUE:
            kept.append(word)
        else:
            runs.append(word)
    return [*kept, f"runs=[{','.join(map(quoted, runs))}]"] if runs else kept


def run(
    names: Sequence[str], *, sweep: str | None = None, output: str | None = None, uri: str | None = None
) -> str:
    """Writes the page; returns the text for the terminal; see `compared`."""
    text, page = compared(names, sweep=sweep, output=output, uri=uri)
    return f"{text}\npage: {page}"


def compared(
    names: Sequence[str], *, sweep: str | None = None, output: str | None = None, uri: str | None = None
) -> tuple[str, Path]:
    """Writes the page; returns the comparison in words, and the page.

    Args:
        names: the runs to compare, each as an id, the beginning of an id, or a name.
        sweep: id or name of a sweep, whose finished trials are compared instead.
        output: folder for the page; None: `mlruns/comparisons/<sweep or ids>`.
        uri: address of the MLflow store; None: the default.

    Raises:
        ConfigError: a run is unknown or named twice, or the runs share too few rows.
    """
    from pipeline.comparison import page
    from pipeline.comparison.leads import leads, opening
    from pipeline.comparison.verdicts import rows_compared, shared, verdicts
    from pipeline.finished.contenders import common_splits, contenders
    from pipeline.tracking import chosen_run, find_run

    # The page and the text name the runs, but not which of them was the latest.
    found = [chosen_run(name, uri) if name == "latest" else find_run(name, uri) for name in names]
    stored = _of_sweep(sweep, uri) if sweep else found
    runs = [contender for one in _with_distinct_names(stored) for contender in contenders(one)]
    by_split = {split: verdicts(runs, split) for split in common_splits(runs)}
    shown_split = next(iter(by_split))
    folder = Path(output or f"mlruns/comparisons/{sweep or '-'.join(one.run_id[:6] for one in runs[:4])}")
    _check_output(folder, page.PAGE)
    options = {"sweep": sweep, "output": output, "tracking.uri": uri}
    words = [*names, *(f"{key}={mask(value)}" for key, value in options.items() if value)]
    page.write(folder, runs, by_split, shlex.join(["python", "-m", "pipeline.compare", *words]))
    first = opening(leads(runs, shown_split), shown_split, shared(runs, shown_split))
    shown = [first, "", page.text(runs, by_split[shown_split]), "", rows_compared(runs, shown_split)]
    return "\n".join(shown), (folder / page.PAGE).resolve()


def _check_output(folder: Path, page: str) -> None:
    """Raises ConfigError for a file, and for a folder of other files, which the page's could replace."""
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / page).is_file():
        problem = "this exists, and an earlier comparison did not write it"
        raise ConfigError("output", problem, found=folder, allowed="a new or empty folder")


def _of_sweep(sweep: str, uri: str | None) -> list["StoredRun"]:
    """What is compared of a sweep: its finished trials, the best one first; or itself, if it varied folds.

    Raises:
        ConfigError: there are fewer than two finished trials, or only folds of one config.
    """
    from pipeline.tracking import StoredRun, all_runs, find_run

    parent = find_run(sweep, uri)
    if "sweep.objective" not in parent.tags:
        raise ConfigError("sweep", "this run is not a sweep", found=sweep, allowed="a sweep's id or name")
    if "sweep.varies" in parent.tags and FOLD in list_in_tag(parent, "sweep.varies"):
        _check_several_sets(parent)
        return [parent]
    metric = list_in_tag(parent, "sweep.objective", fewest=1)[0]
    condition = f"tags.`mlflow.parentRunId` = '{parent.run_id}' and attributes.status = 'FINISHED'"
    trials = [
        StoredRun.of(parent.client, parent.uri, run) for run in all_runs(parent.client, condition=condition)
    ]
    trials = [trial for trial in trials if metric in trial.metrics]
    if len(trials) < 2:
        problem = "fewer than two trials of this sweep have finished"
        raise ConfigError("sweep", problem, found=sweep, allowed="a sweep with two finished trials")
    return sorted(trials, key=lambda trial: -sign(metric) * trial.metrics[metric])


def _check_several_sets(parent: "StoredRun") -> None:
    """Raises ConfigError unless a sweep over folds has two configs or seeds, which can be compared."""
    from pipeline.finished.contenders import FEWEST, fold_sets

    if len(fold_sets(parent)) < FEWEST:
        problem = "the folds of one config predict different rows, which cannot be compared"
        allowed = "compare SWEEP SWEEP, with the ids of two sweeps over folds"
        raise ConfigError("sweep", problem, found=parent.name, allowed=allowed)


def _with_distinct_names(runs: Sequence["StoredRun"]) -> list["StoredRun"]:
    """Adds the beginning of the id to the name of every run that shares its name with another run."""
    ids = [run.run_id for run in runs]
    if len(set(ids)) < len(ids):
        raise ConfigError("runs", "a run is named twice", found=" ".join(ids), allowed="different runs")
    names = [run.name for run in runs]
    return [
        replace(run, name=f"{run.name} {run.run_id[:6]}") if names.count(run.name) > 1 else run
        for run in runs
    ]


if __name__ == "__main__":
    main()
