"""Where a source's files are. Standard library only: checks ask before anything heavy is imported."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from pipeline.errors import ConfigError

PACKAGE = "pkg://"


def locate(path: str, folders: Sequence[str | Path], key: str) -> Path:
    """The file or folder that `path` names.

    Args:
        path: absolute, relative to one of `folders` (looked for in turn), or `pkg://package.name/file`,
            a file of an installed package.
        folders: the working folder first, then the folders of the user's configs.
        key: the config key to name in the message.

    Raises:
        ConfigError: there is no such file.
    """
    places = [_in_package(path, key)] if path.startswith(PACKAGE) else _places(path, folders)
    for place in places:
        if place.exists():
            return place
    raise ConfigError(
        key, "no such file or folder", found=path, allowed="a file; looked at " + ", ".join(map(str, places))
    )


def expand(paths: str | Sequence[str], folders: Sequence[str | Path], key: str) -> list[Path]:
    """The files of a path, a list of paths or a glob (`*`, `?`, `**`), a glob's matches sorted by name.

    Raises:
        ConfigError: a file does not exist, or a glob matches none.
    """
    if not isinstance(paths, str):
        if not paths:
            raise ConfigError(key, "a list without any file", found="[]", allowed="at least one path")
        return [file for path in paths for file in expand(path, folders, key)]
    if not any(sign in paths for sign in "*?") or paths.startswith(PACKAGE):
        return [locate(paths, folders, key)]
    for place in _places(paths, folders):
        # From the root down, so that absolute patterns go the same way; literal parts are not listed.
        matches = sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))))
        if matches:
            return matches
    raise ConfigError(
        key, "no file matches this pattern", found=paths, allowed=f"looked in {', '.join(map(str, folders))}"
    )


def _places(path: str, folders: Sequence[str | Path]) -> list[Path]:
    given = Path(path).expanduser()
    return [given] if given.is_absolute() else [(Path(folder) / given).absolute() for folder in folders]


def _in_package(path: str, key: str) -> Path:
    package, _, name = path.removeprefix(PACKAGE).partition("/")
    try:
        return Path(str(files(package))) / name
    except ModuleNotFoundError as error:
        raise ConfigError(key, "no such installed package", found=package) from error
