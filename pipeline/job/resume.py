"""`resume=<run id>` continues an interrupted run from its last checkpoint, with the same results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pipeline.config.renamed import stored
from pipeline.errors import ConfigError

# Keys that a resumed run may change, because they do not affect its results.
CHANGEABLE = (
    "resume",
    "trusted_modules",
    "objective",
    "tracking",
    "trainer.threads",
    "trainer.checkpoint_every",
)


def checkpoint_folder(run_id: str) -> Path:
    """Return the folder of a run's checkpoints, below the working folder."""
    return Path.cwd() / "mlruns" / "checkpoints" / run_id


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


def data_folders(run_id: str) -> list[Path]:
    """Return the folders of the run's origin; empty if the run was not started in this working folder."""
    path = checkpoint_folder(run_id) / "origin.json"
    return [Path(folder) for folder in json.loads(path.read_text())["folders"]] if path.exists() else []


def save_config(run_id: str, cfg: DictConfig, origin: Origin) -> None:
    """Save the config and its origin beside the checkpoints, before the first epoch."""
    folder = checkpoint_folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, folder / "config.yaml", resolve=True)
    facts = asdict(origin) | {"folders": [str(path) for path in origin.folders]}
    (folder / "origin.json").write_text(json.dumps(facts))


def resumed_config(
    cfg: DictConfig, overrides: Sequence[str], groups: Mapping[str, str]
) -> tuple[DictConfig, Origin]:
    """Return the config and origin of the run to resume, with the allowed changes.

    Args:
        cfg: the config composed from the present command line.
        overrides: those of the present command line.
        groups: the options of the present command line.

    Raises:
        ConfigError: the working folder has no such run, or an override would change its results.
    """
    folder = checkpoint_folder(cfg.resume)
    if not (folder / "config.yaml").exists():
        runs = sorted(path.name for path in folder.parent.glob("*")) if folder.parent.exists() else []
        raise ConfigError(
            "resume", f"{folder.parent} has no checkpoints of this run", found=cfg.resume, allowed=runs
        )
    old = stored(OmegaConf.load(folder / "config.yaml"))  # type: ignore[arg-type]
    facts = json.loads((folder / "origin.json").read_text())
    origin = Origin(facts["overrides"], facts["groups"], [Path(path) for path in facts["folders"]])
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        _check(override, cfg, old, groups, origin.groups)
    new = OmegaConf.merge(old, {key: cfg[key] for key in ("resume", "objective", "tracking")})
    for key in ("epochs", "threads", "checkpoint_every"):
        if any(text.lstrip("+").startswith(f"trainer.{key}=") for text in overrides):
            new.trainer[key] = cfg.trainer[key]
    return new, origin  # type: ignore[return-value]


def mark_finished(run_id: str, epochs: int) -> None:
    """Record that the run has logged all its results with `trainer.epochs=<epochs>`."""
    (checkpoint_folder(run_id) / "finished.json").write_text(json.dumps({"epochs": epochs}))


def is_finished(run_id: str, epochs: int) -> bool:
    """Return whether the run has logged all its results with at least this value of `trainer.epochs`."""
    path = checkpoint_folder(run_id) / "finished.json"
    return path.exists() and bool(json.loads(path.read_text())["epochs"] >= epochs)


def _check(
    override: Any, cfg: DictConfig, old: Any, groups: Mapping[str, str], old_groups: Mapping[str, str]
) -> None:
    key = override.package or override.key_or_group
    if any(key == changeable or key.startswith(f"{changeable}.") for changeable in CHANGEABLE):
        return
    now, then = OmegaConf.select(cfg, key), OmegaConf.select(old, key)
    if key == "trainer.epochs" and now >= then:
        return
    if now is None and then is None:
        now, then = groups.get(key), old_groups.get(key)
    if now != then:
        allowed = f"{then} or more" if key == "trainer.epochs" else str(then)
        raise ConfigError(key, "a resumed run cannot change this", found=now, allowed=allowed)
