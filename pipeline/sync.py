"""Sends what runs logged while their store could not be reached: `python -m pipeline.sync`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.errors import ConfigError
from pipeline.paths import waiting_folder
from pipeline.rules import MAPPING, TEXT, check_node, or_null
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.tracking.waiting import Waiting

SHORTEST = 4  # characters of an abbreviated id
KEYS = {"run": or_null(TEXT), "tracking": MAPPING}


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key, or a run of which nothing waits."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT), "folder": TEXT})
    if config["run"] is not None:
        _folder(config["run"])


@verb(config_name="sync", check=check, texts=("run", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Sends what waits."""
    for line in lines(cfg.run, cfg.tracking.uri):
        show(line, sys.stdout)


def lines(run: str | None, uri: str | None) -> list[str]:
    """Sends what waits of one run, None: of all runs in this folder; returns a line for each."""
    from pipeline.tracking.waiting import find, send

    found: list[Waiting] = find([_folder(run)] if run else _folders())
    return [send(waiting, uri) for waiting in found] or ["nothing waits here"]


def _folder(run: str) -> Path:
    """The folder of what waits of a run.

    Args:
        run: its id, or the beginning of its id (4 characters or more).

    Raises:
        ConfigError: nothing of this run waits, or several ids begin so.
    """
    folders = _folders()
    found = [path for path in folders if path.name == run] or [
        path for path in folders if len(run) >= SHORTEST and path.name.startswith(run)
    ]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} ids begin so" if found else "nothing of this run waits here"
    raise ConfigError("run", problem, found=run, allowed=[path.name for path in found or folders])


def _folders() -> list[Path]:
    return sorted(path for path in waiting_folder("*").parent.glob("*") if path.is_dir())


if __name__ == "__main__":
    main()
