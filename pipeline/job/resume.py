"""`resume=<run id>`: the same run goes on where its last checkpoint left it, to the same numbers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pipeline.config.renamed import renamed
from pipeline.errors import ConfigError

# What may differ in the process that goes on: it makes no other experiment of the run.
FREE = ("resume", "trusted_modules", "objective", "tracking", "trainer.threads", "trainer.checkpoint_every")


def folder_of(run_id: str) -> Path:
    """Where a run's checkpoints are, below the working folder."""
    return Path.cwd() / "mlruns" / "checkpoints" / run_id


@dataclass(frozen=True)
class Origin:
    """What a run was started from: overrides as typed, groups chosen, folders of its files."""

    overrides: list[str]
    groups: dict[str, str]
    folders: list[Path]


def folders_known(run_id: str) -> list[Path]:
    """Where a run that was started from here found its files; of another run nothing is known."""
    facts = folder_of(run_id) / "origin.json"
    return [Path(path) for path in json.loads(facts.read_text())["folders"]] if facts.exists() else []


def keep_config(run_id: str, cfg: DictConfig, origin: Origin) -> None:
    """Write down what the run is made of, before its first epoch."""
    folder = folder_of(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(cfg, folder / "config.yaml", resolve=True)
    facts = asdict(origin) | {"folders": [str(path) for path in origin.folders]}
    (folder / "origin.json").write_text(json.dumps(facts))


def stored(cfg: DictConfig, typed: Sequence[str], groups: Mapping[str, str]) -> tuple[DictConfig, Origin]:
    """Config and origin of the run to resume, with the changes that are allowed.

    Args:
        cfg: composed from what was typed now.
        typed: overrides as typed now.
        groups: the options that this makes.

    Raises:
        ConfigError: there is no such run here, or a typed override makes another experiment of it.
    """
    folder = folder_of(cfg.resume)
    if not (folder / "config.yaml").exists():
        known = sorted(path.name for path in folder.parent.glob("*")) if folder.parent.exists() else []
        raise ConfigError("resume", f"no checkpoints in {folder.parent}", found=cfg.resume, allowed=known)
    old = renamed(OmegaConf.load(folder / "config.yaml"))  # type: ignore[arg-type]
    facts = json.loads((folder / "origin.json").read_text())
    origin = Origin(facts["overrides"], facts["groups"], [Path(path) for path in facts["folders"]])
    for override in OverridesParser.create().parse_overrides(list(typed)):
        _allow(override, cfg, old, groups, origin.groups)
    new = OmegaConf.merge(old, {key: cfg[key] for key in ("resume", "objective", "tracking")})
    for key in ("epochs", "threads", "checkpoint_every"):
        if any(text.lstrip("+").startswith(f"trainer.{key}=") for text in typed):
            new.trainer[key] = cfg.trainer[key]
    return new, origin  # type: ignore[return-value]


def mark_finished(run_id: str, epochs: int) -> None:
    """Note that the run came to its end, tested and recorded, with so many epochs allowed."""
    (folder_of(run_id) / "finished.json").write_text(json.dumps({"epochs": epochs}))


def is_finished(run_id: str, epochs: int) -> bool:
    """Whether the run came to its end with at least so many epochs allowed."""
    mark = folder_of(run_id) / "finished.json"
    return mark.exists() and json.loads(mark.read_text())["epochs"] >= epochs


def _allow(
    override: Any, cfg: DictConfig, old: Any, groups: Mapping[str, str], old_groups: Mapping[str, str]
) -> None:
    key = override.package or override.key_or_group
    if any(key == free or key.startswith(f"{free}.") for free in FREE):
        return
    now, then = OmegaConf.select(cfg, key), OmegaConf.select(old, key)
    if key == "trainer.epochs" and now >= then:
        return
    if now is None and then is None:
        now, then = groups.get(key), old_groups.get(key)
    if now != then:
        more = f"{then} or more" if key == "trainer.epochs" else str(then)
        raise ConfigError(key, "a resumed run must stay the experiment that it is", found=now, allowed=more)
