"""The commit of a folder is recorded, and nothing runs that its repository configures."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.tracking.git import source_tags
from tests import processes

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]


def git(where: Path, *words: str) -> str:
    return processes.run([*GIT, *words], where, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of one file."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file.txt").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_commit_and_uncommitted_changes_are_tags(tmp_path):
    assert source_tags(tmp_path) == {}
    git(tmp_path, "init", "-q")
    assert source_tags(tmp_path) == {}  # no commit yet
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert source_tags(tmp_path) == {"git.commit": commit, "git.dirty": "false"}
    (tmp_path / "new").touch()
    assert source_tags(tmp_path) == {"git.commit": commit, "git.dirty": "true"}
    (tmp_path / "below").mkdir()
    assert source_tags(tmp_path / "below")["git.commit"] == commit


def program(folder: Path, marker: Path) -> str:
    """A script that leaves a mark when it runs."""
    script = folder.parent / "harm.sh"
    script.write_text(f"#!/bin/sh\ntouch '{marker}'\ncat\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def configure_monitor(folder: Path, harm: str) -> None:
    git(folder, "config", "core.fsmonitor", harm)


def configure_filter(folder: Path, harm: str) -> None:
    git(folder, "config", "filter.x=y.clean", harm)
    git(folder, "config", "filter.x=y.required", "true")
    (folder / ".gitattributes").write_text("* filter=x=y\n")


def configure_hooks(folder: Path, harm: str) -> None:
    hook = folder / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(Path(harm).read_text())
    hook.chmod(0o755)


def configure_included_filter(folder: Path, harm: str) -> None:
    configure_filter(folder, harm)
    config = folder / ".git" / "config"
    (folder / ".git" / "more").write_text(config.read_text())
    git(folder, "config", "--remove-section", "filter.x=y")
    git(folder, "config", "include.path", "more")


def configure_submodule(folder: Path, harm: str) -> None:
    inner = folder.parent / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "inner")
    git(folder, "commit", "-q", "-m", "second")
    configure_monitor(folder / "inner", harm)


@pytest.mark.parametrize(
    "configure",
    [
        configure_monitor,
        configure_filter,
        configure_included_filter,
        configure_hooks,
        configure_submodule,
    ],
)
def test_nothing_runs_that_a_repository_configures(repository, configure):
    marker = repository.parent / "marker"
    configure(repository, program(repository, marker))
    commit = git(repository, "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
    marker.unlink(missing_ok=True)
    # Another time, so that git compares the contents.
    os.utime(repository / "file.txt", (1, 1))
    assert source_tags(repository)["git.commit"] == commit
    assert not marker.exists()
    processes.run(["git", "status"], repository)  # what it would have done
    processes.run(["git", "submodule", "foreach", "git status"], repository)
    assert marker.exists() or configure is configure_hooks


def test_a_repository_of_another_user_is_said_once_to_be_unrecorded(repository, monkeypatch, caplog):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert source_tags(repository) == {}
    (message,) = caplog.messages
    assert "the repository belongs to another user" in message
    assert "safe.directory" in message


def test_without_git_the_commit_is_said_to_be_unrecorded(repository, monkeypatch, caplog):
    monkeypatch.setenv("PATH", str(repository))
    assert source_tags(repository) == {}
    assert caplog.messages == ["the git commit is not recorded: there is no program git"]
    caplog.clear()
    assert source_tags(repository.parent) == {}
    assert not caplog.messages
