"""What a sweep opens before its first trial: its run, the study of a search, and the watch of its board."""

import json
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.config import choices
from pipeline.errors import ConfigError
from pipeline.sweep.launchers import workers
from pipeline.sweep.plan import objectives
from pipeline.sweep.process import identity

if TYPE_CHECKING:
    from pipeline.sweep.parent import Parent
    from pipeline.sweep.watch import Watch

SECONDS_TO_OPEN = 60.0  # that another sweep of this folder may take to begin
STUDY = "sweep.study"  # tag of the sweep's run


def open_parent(config: DictConfig, command: str, fixed: list[str], varies: list[str]) -> "Parent":
    """Opens the sweep's run, a new one or that of the sweep of the same name.

    Args:
        command: how to run the sweep again.
        fixed: overrides of all trials.
        varies: keys whose values differ between trials.

    Raises:
        ConfigError: another sweep of this folder takes too long to begin.
    """
    from filelock import FileLock, Timeout

    from pipeline.sweep.parent import Parent

    tags = {
        "sweep.process": identity(),
        "sweep.command": command,
        "sweep.varies": json.dumps(varies),
        "sweep.objective": json.dumps(objectives(config)),
        **({"pipeline.overrides": " ".join(fixed)} if fixed else {}),
        "pipeline.version": metadata.version("multihead-pipeline"),
    }
    # Of two sweeps of one name that start at once, the second one finds the run of the first.
    lock = FileLock(Path.cwd() / "mlruns" / "sweeps.lock")
    Path(lock.lock_file).parent.mkdir(exist_ok=True)
    try:
        with lock.acquire(timeout=SECONDS_TO_OPEN):
            return Parent.open(config, tags, config.sweep.parent, **_default_experiment(config, varies))
    except Timeout as error:
        allowed = "one sweep at a time begins; try again when that one has"
        raise ConfigError("sweep.name", "another sweep is beginning here", allowed=allowed) from error


def _default_experiment(config: DictConfig, varies: Sequence[str]) -> dict[str, str]:
    """The experiment of a sweep that names none: that of its data, unless the data varies."""
    data = choices(config.hydra.runtime.choices).get("data")
    return {"default": data} if data and not {"data", "experiment"} & {*varies} else {}


def study_name(config: DictConfig, parent: "Parent") -> str:
    """The name of a search's study: it belongs to one sweep in one experiment, and to one config."""
    from pipeline.sweep.attempt import key

    # Searches of version 0.1 called their studies by the name of the sweep.
    if config.sweep.name and not parent.has_tag(STUDY) and parent.attempts():
        return str(config.sweep.name)
    name = f"{config.sweep.name or 'search'} {parent.run_id[:8]} {key(config)}"
    parent.client.set_tag(parent.run_id, STUDY, name)
    return name


def make_watch(
    parent: "Parent", config: DictConfig, planned: int | None, command: str, options: str, study: str
) -> "Watch":
    """What redraws the sweep's board while its trials run."""
    from pipeline.sweep.watch import Watch

    return Watch(
        parent,
        title=config.sweep.name or "Sweep",
        objective=objectives(config),
        planned=planned,
        command=command,
        options=options,
        importances=_importances(config, study),
        since=int(parent.tag("sweep.since")),
        workers=workers(config.hydra.launcher),
    )


def _importances(config: DictConfig, study: str) -> Callable[[], dict[str, dict[str, float]]]:
    from pipeline.sweep.study import importances, is_search

    if not is_search(config.hydra.sweeper):
        return dict
    storage, metrics = config.hydra.sweeper.storage, objectives(config)
    return lambda: importances(storage, study, metrics)
