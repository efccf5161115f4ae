"""The commit of a folder. Git runs programs that a repository configures; here it runs none of them."""

import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

SECONDS = 60
# What git would run or fetch while it compares files with the commit.
OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "safe.bareRepository": "explicit",
    "protocol.allow": "never",
}


def source_tags(folder: Path) -> dict[str, str]:
    """The git commit of a folder and whether it has uncommitted changes; {} outside a repository."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return {}
    if not shutil.which("git"):
        logger.warning("the git commit is not recorded: there is no program git")
        return {}
    commit = _git(folder, OFF, "rev-parse", "HEAD")
    if commit is None:
        return {}
    status = _git(folder, OFF | _no_filters(folder), "status", "--porcelain", "--ignore-submodules=all")
    return {"git.commit": commit} | ({} if status is None else {"git.dirty": str(bool(status)).lower()})


def _no_filters(folder: Path) -> dict[str, str]:
    """Settings that switch off the filters of the repository's own config; the user's own stay."""
    words = ["config", "--local", "--includes", "--null", "--name-only", "--get-regexp", r"^filter\."]
    names = (_git(folder, OFF, *words) or "").split("\0")
    filters = {name.removeprefix("filter.").rpartition(".")[0] for name in names if name}
    values = {"clean": "", "process": "", "required": "false"}
    return {f"filter.{name}.{word}": value for name in filters for word, value in values.items()}


def _git(folder: Path, settings: Mapping[str, str], *words: str) -> str | None:
    """What git prints; None if it fails, which is said if the folder belongs to somebody else."""
    environment = os.environ | {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=environment,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("the git commit is not recorded: %s", error)
        return None
    message = done.stderr.decode(errors="replace")
    if "dubious ownership" in message:
        logger.warning(
            "the git commit is not recorded, because the repository belongs to another user; cure: %s",
            message.strip().splitlines()[-1].strip(),
        )
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
