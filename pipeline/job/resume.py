"""`resume=<run id>` continues an interrupted run from its last checkpoint, with the same results."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pipeline.config.private import ADDRESS, public
from pipeline.config.renamed import stored
from pipeline.errors import ConfigError
from pipeline.notices import notice
from pipeline.paths import checkpoint_folder, folder_words, use_folder, write_text
from pipeline.secrets import mask
from pipeline.stored_file import readable, reading

CONFIG, ORIGIN, DATA, FINISHED = "config.yaml", "origin.json", "data.json", "finished.json"
SHORT_ID = 8  # characters of an id in a command
NOT_FINITE = "not_finite"  # a file without contents
# Keys that a resumed run may change, because they do not affect its results.
CHANGEABLE = (
    "resume",
    "trusted_modules",
    "objective",
    "tracking",
    "trainer.threads",
    "trainer.checkpoint_every",
    "trainer.on_nan",
)
# Keys that may change too if the run ended because a loss was not finite.
AFTER_NOT_FINITE = ("optimizer.learning_rate", "trainer.gradient_clip")


@dataclass(frozen=True)
class Origin:
    """What a run's config was composed from.

    Args:
        overrides: those of the command line.
        groups: config group -> option.
        folders: where the data's relative paths are looked up.
    """

    overrides: list[str]
    groups: dict[str, str]
    folders: list[Path]

    def command(self) -> str:
        """Return the command that trains the same again, quoted for a shell."""
        # The folders after the working folder are those of --config-dir.
        options = [word for folder in self.folders[1:] for word in ("--config-dir", _nearest(folder))]
        return shlex.join(["python", "-m", "pipeline.train", *options, *self.overrides])


def _nearest(folder: Path) -> str:
    """Return the path relative to the working folder if it lies inside, else the whole one."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def data_folders(run_id: str) -> list[Path]:
    """Return the folders of the run's origin; empty if the run was not started in this working folder."""
    path = checkpoint_folder(run_id) / ORIGIN
    return _origin(path).folders if path.exists() else []


def save_config(
    run_id: str, cfg: DictConfig, origin: Origin, data: Mapping[str, Any], uri: str | None = None
) -> None:
    """Save the config and its origin beside the checkpoints, before the first epoch.

    Args:
        data: the result of `pipeline.job.data_identity.identity`.
        uri: the complete address of the run's store.
    """
    folder = checkpoint_folder(run_id)
    facts = asdict(origin) | {"folders": [str(path) for path in origin.folders]}
    if uri:
        from pipeline.tracking.addresses import remembered  # the package imports MLflow, which takes seconds

        facts["store"] = remembered(uri, Path.cwd())
    write_text(folder / ORIGIN, json.dumps(facts))
    write_text(folder / DATA, json.dumps(data))
    # The last one, because its presence says that the run can be resumed.
    write_text(folder / CONFIG, OmegaConf.to_yaml(public(cfg)))


def how_to_resume(run_id: str, uri: str | None) -> str:
    """Return a line with the command that continues a run, short enough for a terminal; see `resuming`."""
    short = run_id[:SHORT_ID]
    return f"to go on with run {short}: {resuming(short, uri)}\n"


def resuming(run_id: str, uri: str | None) -> str:
    """Return the command that continues a run.

    Args:
        uri: the address of the run's store; None: the default.
    """
    words = [f"resume={run_id}", *([f"tracking.uri={mask(uri)}"] if uri else []), *folder_words()]
    return f"python -m pipeline.train {shlex.join(words)}"


def full_id(name: str) -> str:
    """Return the id of a run with checkpoints in this folder.

    Args:
        name: the id, its beginning (4 characters or more), or `latest` for the run that trained last.

    Raises:
        ConfigError: there is no such run, or several ids begin so.
    """
    parent = checkpoint_folder("any").parent
    folders = sorted(parent.glob("*/"), key=_last_change, reverse=True) if parent.exists() else []
    runs = [folder.name for folder in folders if (folder / CONFIG).exists()]
    if name in runs:
        return name
    found = runs[:1] if name == "latest" else [run for run in runs if len(name) >= 4 and run.startswith(name)]
    if len(found) == 1:
        return found[0]
    problem = f"{parent} has no checkpoints of this run"
    if found:
        problem = f"{len(found)} runs have an id that begins so"
    raise ConfigError(
        "resume",
        problem,
        found=name,
        allowed=found
        or runs
        or "nothing: no run was trained here; one of tracking.folder=… needs that again",
    )


def found_id(cfg: DictConfig) -> str:
    """Return the id of the run to resume.

    If its files are in another `tracking.folder`, as its store says, that folder is used.

    Raises:
        ConfigError: there are no files of this run, or several ids begin so.
    """
    try:
        return full_id(cfg.resume)
    except ConfigError:
        folder = None if cfg.resume == "latest" else _folder_of(cfg.resume, cfg.tracking.uri)
        if folder is None:
            raise
    notice(f"the files of this run are in tracking.folder={folder}")
    cfg.tracking.folder = folder
    use_folder(folder)
    return full_id(cfg.resume)


def _folder_of(name: str, uri: str | None) -> str | None:
    """Return the `tracking.folder` that a run in the store was trained with, if its files are there."""
    from pipeline.tracking import find_run  # the package imports MLflow, which takes seconds

    try:
        run = find_run(name, uri)
        with reading(run, "config/config.yaml") as path:
            config: Any = OmegaConf.load(path)
            folder = str(config.tracking.folder)
    except ConfigError:
        return None
    return folder if (checkpoint_folder(run.run_id, folder) / CONFIG).is_file() else None


def _last_change(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.iterdir()), default=0.0)


def resumed_config(
    cfg: DictConfig, overrides: Sequence[str], groups: Mapping[str, str]
) -> tuple[DictConfig, Origin]:
    """Return the config and origin of the run to resume, with the allowed changes.

    Args:
        cfg: the config composed from the present command line; `resume` is a `full_id`.
        overrides: those of the present command line.
        groups: the options of the present command line.

    Raises:
        ConfigError: the run's config is damaged, or an override would change its results.
    """
    folder = checkpoint_folder(cfg.resume)
    with readable(folder / CONFIG, "resume"):
        old = stored(OmegaConf.load(folder / CONFIG))  # type: ignore[arg-type]
        for key in ("seed", "trainer", "tracking", "objective"):
            if key not in old:
                raise ValueError(f"there is no {key}")
    origin = _origin(folder / ORIGIN)
    changeable = CHANGEABLE + (AFTER_NOT_FINITE if (folder / NOT_FINITE).exists() else ())
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        _check(override, cfg, old, groups, origin.groups, changeable)
    # The stored config cannot widen trust, so `trusted_modules` has to be typed again.
    kept = ("resume", "objective", "tracking", "trusted_modules")
    new = OmegaConf.merge(old, {key: cfg[key] for key in kept})
    if cfg.tracking.get("experiment") is None:
        new.tracking.experiment = old.tracking.get("experiment")
    if cfg.tracking.get("uri") is None and "MLFLOW_TRACKING_URI" not in os.environ:
        new.tracking.uri = _remembered_uri(old, folder / ORIGIN)
    for key in ("trainer.epochs", *changeable):
        if any(text.lstrip("+").startswith(f"{key}=") for text in overrides):
            OmegaConf.update(new, key, OmegaConf.select(cfg, key), force_add=True)
    return new, origin  # type: ignore[return-value]


def rate_change(run_id: str, cfg: DictConfig) -> float:
    """Return the factor by which a resumed config changes the run's learning rate."""
    old: Any = OmegaConf.load(checkpoint_folder(run_id) / CONFIG)
    return float(cfg.optimizer.learning_rate / old.optimizer.learning_rate)


def mark_not_finite(run_id: str) -> None:
    """Record that the run ended because a loss was not finite: it may go on with another learning rate."""
    write_text(checkpoint_folder(run_id) / NOT_FINITE, "")


def _remembered_uri(old: Any, origin: Path) -> str | None:
    """The address of the run's store, perhaps as it was configured, with variables of the environment."""
    configured: Any = OmegaConf.to_container(old.tracking, resolve=False)
    uri = configured.get("uri")
    if isinstance(uri, str) and "${" in uri and ADDRESS not in uri:
        return uri
    with readable(origin, "resume"):
        return json.loads(origin.read_text(encoding="utf-8")).get("store")  # type: ignore[no-any-return]


def mark_finished(run_id: str, epochs: int) -> None:
    """Record that the run has logged all its results with `trainer.epochs=<epochs>`."""
    (checkpoint_folder(run_id) / NOT_FINITE).unlink(missing_ok=True)
    write_text(checkpoint_folder(run_id) / FINISHED, json.dumps({"epochs": epochs}))


def is_finished(run_id: str, epochs: int) -> bool:
    """Return whether the run has logged all its results with at least this value of `trainer.epochs`."""
    path = checkpoint_folder(run_id) / FINISHED
    if not path.exists():
        return False
    with readable(path, "resume"):
        return bool(json.loads(path.read_text(encoding="utf-8"))["epochs"] >= epochs)


def _origin(path: Path) -> Origin:
    with readable(path, "resume"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        folders = _moved([Path(folder) for folder in facts["folders"]], path)
        return Origin(list(facts["overrides"]), dict(facts["groups"]), folders)


def _moved(folders: list[Path], file: Path) -> list[Path]:
    """Return the folders of an origin as they are now, if the project's folder was moved or copied.

    Args:
        folders: the working folder of the run, then those of its configs.
        file: the stored origin. In `mlruns/checkpoints` of the present working folder, this is the project's.
    """
    here, old = Path.cwd(), folders[0]
    if file.resolve().parents[3] != here:
        return folders
    return [here / folder.relative_to(old) if folder.is_relative_to(old) else folder for folder in folders]


def _check(
    override: Any,
    cfg: DictConfig,
    old: Any,
    groups: Mapping[str, str],
    old_groups: Mapping[str, str],
    changeable: Sequence[str],
) -> None:
    key = override.package or override.key_or_group
    if any(key == free or key.startswith(f"{free}.") for free in changeable):
        return
    now, then = OmegaConf.select(cfg, key), OmegaConf.select(old, key)
    if key == "trainer.epochs" and now >= then:
        return
    if now is None and then is None:
        now, then = groups.get(key), old_groups.get(key)
    if now != then:
        allowed = f"{then} or more" if key == "trainer.epochs" else str(then)
        raise ConfigError(key, "a resumed run cannot change this", found=now, allowed=allowed)
