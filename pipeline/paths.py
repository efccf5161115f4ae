"""Where the files of a source are, and how files are written.

Standard library only: checks run before heavy imports.
"""

import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import ConfigError

OPEN_IN_OFFICE = "~$"  # begins the name of a file that marks a document as open, no document itself
PACKAGE = "pkg://"
FOLDER = "mlruns"
_folder = FOLDER


def locate(path: str, folders: Sequence[str | Path], key: str) -> Path:
    """Finds an existing file or folder.

    Args:
        path: absolute, relative to one of `folders` (the first match counts), or `pkg://package.name/file`
            for a file of an installed package.
        folders: the working folder first, then the folders of the user's configs.
        key: the config key to name in the message.

    Raises:
        ConfigError: the file does not exist, or is a pipe, a device or a socket.
    """
    candidates = [_in_package(path, key)] if path.startswith(PACKAGE) else _candidates(path, folders)
    for candidate in candidates:
        if _exists(candidate, key):
            return candidate
    looked_at = ", ".join(map(str, candidates))
    raise ConfigError(
        key,
        "the file or folder does not exist",
        found=path,
        allowed=f"an existing file; looked at {looked_at}",
    )


def expand(paths: str | Sequence[str], folders: Sequence[str | Path], key: str) -> list[Path]:
    """The files of a path, a list of paths, or a glob (`*`, `?`, `**`), whose matches are sorted by name.

    Raises:
        ConfigError: a file does not exist, or a glob matches no file.
    """
    if not isinstance(paths, str):
        if not paths:
            raise ConfigError(key, "the list of files is empty", found="[]", allowed="at least one path")
        return [file for path in paths for file in expand(path, folders, key)]
    if not any(sign in paths for sign in "*?") or paths.startswith(PACKAGE):
        return [locate(paths, folders, key)]
    for pattern in _candidates(paths, folders):
        # From the root, so that absolute patterns work too; folders without wildcards are not listed.
        found = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
        matches = sorted(match for match in found if not match.name.startswith(OPEN_IN_OFFICE))
        if matches:
            return [match for match in matches if _exists(match, key)]
    raise ConfigError(
        key,
        "no file matches this pattern",
        found=paths,
        allowed=f"a pattern that matches a file in {', '.join(map(str, folders))}",
    )


def spellings(path: str) -> list[str]:
    r"""A path as it is written, as Windows means it, and with accents as other systems write them.

    Example:
        >>> spellings("photos\\\\a.png")
        ['photos\\\\a.png', 'photos/a.png']
    """
    plain = [path, path.replace("\\", "/")]
    accents = [unicodedata.normalize(form, one) for form in ("NFC", "NFD") for one in plain]
    return list(dict.fromkeys([*plain, *accents]))


def locate_inside(path: str, roots: Sequence[str | Path], key: str) -> Path:
    """Finds an existing file that a cell of a data file names, in one of the roots or below it.

    Raises:
        ConfigError: the file does not exist, or lies elsewhere, by `..`, a link or an absolute path.
    """
    outside = ConfigError(
        key,
        "the path leaves the folder of the files",
        found=path,
        allowed=f"a file in {', '.join(map(str, roots))}; or `root: <a folder that contains all files>`",
    )
    if path.startswith(PACKAGE):  # finding it would import the package
        raise outside
    spelled = spellings(path)
    if len(spelled) > 1:
        path = next(
            (one for one in spelled if any(_exists(file, key) for file in _candidates(one, roots))), path
        )
    found = locate(path, roots, key)
    # Most files of a folder are no links, so that the folder alone is resolved, once.
    real = found.resolve() if found.is_symlink() else _resolved(found.parent) / found.name
    if not any(real.is_relative_to(_resolved(Path(root).absolute())) for root in roots):
        raise outside
    return found


@cache
def _resolved(folder: Path) -> Path:
    return folder.resolve()


def _exists(path: Path, key: str) -> bool:
    """Whether a file or folder exists; reading anything else may never end.

    Raises:
        ConfigError: it is neither a file nor a folder, or its name is none.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise ConfigError(key, "the file cannot be opened", found=error) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        problem = "a pipe, a device or a socket cannot be read, because it may have no end"
        raise ConfigError(key, problem, found=path, allowed="a file or a folder")
    return True


def use_folder(folder: str) -> None:
    """Sets where checkpoints and what waits for its store are kept: `tracking.folder`."""
    global _folder  # the folder of this process; hundreds of calls would pass it on
    _folder = folder


def used_folder() -> str:
    """What `use_folder` has set."""
    return _folder


def folder_words() -> list[str]:
    """What a command that goes on with a run needs to find its files: nothing, or `tracking.folder=…`."""
    return [] if _folder == FOLDER else [f"tracking.folder={_folder}"]


def checkpoint_folder(run_id: str, folder: str | None = None) -> Path:
    """The folder of a run's checkpoints, below the working folder unless `tracking.folder` is elsewhere.

    Args:
        folder: another `tracking.folder` than that of this process.
    """
    return (Path.cwd() / _expanded(folder) if folder else _runs()) / "checkpoints" / run_id


def waiting_folder(run_id: str) -> Path:
    """The folder of what a run has logged and its store does not have yet."""
    return _runs() / "waiting" / run_id


def _runs() -> Path:
    return Path.cwd() / _expanded(_folder)


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Yields another path in the same folder; its file becomes `path` once the `with` block has succeeded.

    So `path` is never half written, and an error leaves an earlier file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file as a whole, and waits until it is on the disk."""
    with complete_file(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def refuse_input(written: Path, read: Sequence[Path], key: str) -> None:
    """Checks that a file can be written and is none of those that are read, under whatever name or link.

    Raises:
        ConfigError: it is one of them, a folder, a pipe or a device, or no file can be written there.
    """
    check_place(written, key)
    if written.exists() and any(file.exists() and written.samefile(file) for file in read):
        problem = "this would overwrite the input"
        raise ConfigError(key, problem, found=written, allowed="another file")


def check_place(written: Path, key: str) -> None:
    """Checks that a file can be written, before the work whose result it holds is done.

    Raises:
        ConfigError: it is a folder, a pipe or a device, or no file can be written there.
    """
    try:
        is_file = stat.S_ISREG(written.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_file = True  # a new one
    except (OSError, ValueError) as error:  # too long a name, or one with a zero
        raise ConfigError(key, "no file can have this name", found=error, allowed="another name") from error
    above = next(folder for folder in written.absolute().parents if folder.exists())
    if not is_file:
        raise ConfigError(key, "this exists and is no file", found=written, allowed="the name of a file")
    try:
        # Permissions do not tell: root has all, but neither /proc nor a read-only disk takes a file.
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        problem = f"no file can be written below {above} ({error.strerror})"
        raise ConfigError(key, problem, found=written, allowed="a folder that takes files") from error


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # the file ~name, where no user has this name
        return Path(path)


def _candidates(path: str, folders: Sequence[str | Path]) -> list[Path]:
    expanded = _expanded(path)
    return (
        [expanded] if expanded.is_absolute() else [(Path(folder) / expanded).absolute() for folder in folders]
    )


def _in_package(path: str, key: str) -> Path:
    """The file in an installed package, which is not imported, because that would run its code."""
    package, _, name = path.removeprefix(PACKAGE).partition("/")
    top, *inner = package.split(".")
    for folder in _package_folders(top):
        if Path(folder, *inner).is_dir():
            return Path(folder, *inner, name)
    raise ConfigError(key, "the package is not installed", found=package, allowed="an installed package")


def _package_folders(name: str) -> Sequence[str]:
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except ValueError:  # Python's own __main__ has none
        spec = None
    return (spec and spec.submodule_search_locations) or ()
