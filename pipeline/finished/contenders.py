"""What a stored run brings to a comparison: its own predictions, or those of a sweep's folds."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from pipeline.comparison.logged_rows import compared_rows
from pipeline.comparison.verdicts import Contender
from pipeline.config.naming import REPEATS, flatten
from pipeline.errors import ConfigError
from pipeline.stored_file import list_in_tag, reading
from pipeline.tracking import StoredRun

OUT_OF_FOLD = "out-of-fold"
SPLITS = (OUT_OF_FOLD, "test", "val")  # of sweeps over folds rather all rows than the test rows of ensembles
SWEEP = "sweep.command"  # a tag of the run of a sweep
REPORT, HISTORY = "report/report.html", "report/tables/history.csv"
FOLDS = "folds.json"  # artifact of a sweep over folds
TESTED = "predictions/test.parquet"
MEMBERS = "ensemble.members"  # a tag of the run of a sweep with an ensemble
FEWEST = 2  # contenders of a comparison


def contenders(run: StoredRun) -> list[Contender]:
    """The contenders of a run: one, or one for each config and seed of a sweep over folds.

    Raises:
        ConfigError: the run has no predictions.
    """
    if SWEEP not in run.tags:
        frames = {name: _frame(run, f"predictions/{name}.parquet") for name in ("test", "val")}
        history, address = _history(run), _address(run)
        return [Contender(run.run_id, run.name, settings(run), run.metrics, frames, history, address)]
    sets = fold_sets(run)
    tested = {"test": _frame(run, TESTED)} if run.has(TESTED) else {}  # by the ensemble
    if len(sets) > 1:
        return [_of_set(run, f"{run.name} {one['name']}", one) for one in sets]
    if sets:
        of_set = _of_set(run, run.name, sets[0])
        return [replace(of_set, predictions={**tested, **of_set.predictions})]
    if tested:
        params = _params(run, list_in_tag(run, MEMBERS, fewest=1)[0])
        return [Contender(run.run_id, run.name, params, run.metrics, tested, address=run.url() or "")]
    raise ConfigError(
        "runs",
        "this is a sweep without predictions of its own: no ensemble, and not all folds",
        found=f"{run.run_id} ({run.name})",
        allowed=f"a run; a sweep over folds of which every fold has finished; python -m pipeline.ensemble "
        f"run={run.run_id[:6]} first; or sweep={run.run_id[:6]}, which compares its trials",
    )


def fold_sets(run: StoredRun) -> list[dict[str, Any]]:
    """What a sweep over folds has logged of each config and seed: their runs and predictions; else []."""
    if not run.has(FOLDS):
        return []
    with reading(run, FOLDS) as path:
        sets: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for one in sets:
            _ = one["name"], one["predictions"], one["runs"][0]
        return sets


def _of_set(run: StoredRun, name: str, one: Mapping[str, Any]) -> Contender:
    """A fold set as a contender."""
    frames = {OUT_OF_FOLD: _frame(run, one["predictions"])}
    params = _params(run, one["runs"][0])
    return Contender(run.run_id, name, params, run.metrics, frames, address=run.url() or "")


def common_splits(runs: list[Contender]) -> list[str]:
    """The splits of which all contenders have predictions.

    Raises:
        ConfigError: there is no such split.
    """
    common = [split for split in SPLITS if all(split in run.predictions for run in runs)]
    if not common:
        raise ConfigError(
            "runs",
            "these runs predicted no rows of the same kind",
            found="; ".join(f"{run.name}: {' and '.join(run.predictions)} rows" for run in runs),
            allowed="runs, or sweeps over folds (python -m pipeline.train -m sweep=folds)",
        )
    return common


def settings(run: StoredRun) -> dict[str, str]:
    """The options of a run and all values of its config; its params leave out what is as by default."""
    with reading(run, "config/config.yaml") as path:
        values: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        return run.params | {name: str(value) for name, value in flatten(values).items()}


def _history(run: StoredRun) -> dict[str, list[float]]:
    """The metrics of each epoch; empty for a run without a report."""
    if not run.has(HISTORY):
        return {}
    with reading(run, HISTORY) as path:
        table = pd.read_csv(path).drop(columns="epoch")
        return {str(name): [float(value) for value in table[name]] for name in table}


def _address(run: StoredRun) -> str:
    """The run's page on its server, or else the file of its report."""
    if url := run.url():
        return url
    return str(run.artifact(REPORT)) if run.has(REPORT) else ""


def _frame(run: StoredRun, path: str) -> pd.DataFrame:
    return compared_rows(run, path)


def _params(parent: StoredRun, run_id: str) -> dict[str, str]:
    """The settings of a config: those of one of its runs, but for what repeats it."""
    run = StoredRun.of(parent.client, parent.uri, parent.client.get_run(run_id))
    return {name: value for name, value in settings(run).items() if name not in REPEATS}
