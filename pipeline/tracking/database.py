"""Database files: whether one can be written, is whole, and has the schema of this MLflow."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from filelock import FileLock, Timeout
from mlflow.store.db.utils import _get_alembic_config

from pipeline.errors import ConfigError
from pipeline.tracking.addresses import sqlite_address

LARGEST_CHECK = 1 << 28  # bytes; reading all of a larger file takes seconds


@contextmanager
def open_database(database: Path, key: str, *, seconds: float) -> Iterator[None]:
    """Holds the lock of a database, which is made if necessary, after checking that it can be written.

    Args:
        key: what the message names.
        seconds: how long to wait for a lock.

    Raises:
        ConfigError: the database cannot be written, and why.
    """
    lock_file = Path(f"{database}.lock")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        for path in (lock_file, database):
            path.touch(mode=0o666)  # SQLite would make it 0644, whatever the umask lets the group do
    except OSError as error:
        raise not_writable(database, key, error) from error
    if not is_writable(database.parent):
        raise not_writable(database, key, PermissionError(f"{database.parent} is read-only"))
    lock = FileLock(lock_file, timeout=seconds, mode=lock_file.stat().st_mode & 0o777)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            key,
            f"another process has held the lock of this database for {seconds:.0f} s",
            found=lock_file,
            allowed=f"wait until it is done, or end it; `fuser {lock_file}` names it",
        ) from error
    except OSError as error:
        raise not_writable(database, key, error) from error
    try:
        check_database(database, key, seconds=seconds, write=True)
        yield
    finally:
        lock.release()


def check_database(database: Path, key: str, *, seconds: float, write: bool) -> None:
    """Reads a database, and takes its lock for a moment if it is to be written.

    Raises:
        ConfigError: the database is locked, damaged, no database, not readable or writable, or its schema is
            that of another version of MLflow.
    """
    uri = f"file:{quote(str(database))}?mode={'rw' if write else 'ro'}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None)) as opened:
            if write:
                opened.execute("BEGIN IMMEDIATE")
                opened.execute("ROLLBACK")
            if database.stat().st_size < LARGEST_CHECK:
                ((state,),) = opened.execute("PRAGMA quick_check(1)").fetchall()
                if state != "ok":
                    raise _damaged(database, key, state)
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
            if "alembic_version" in tables:
                ((revision,),) = opened.execute("SELECT version_num FROM alembic_version").fetchall()
                check_schema(revision, sqlite_address(database), key)
            elif tables:
                raise ConfigError(
                    key,
                    "this database is not one of MLflow's",
                    found=database,
                    allowed="a database that MLflow made, or the name of a new file",
                )
    except (sqlite3.Error, OSError) as error:
        raise failure_of(error, database, key, seconds) from error


def check_schema(revision: str, address: str, key: str) -> None:
    """Raises ConfigError if another version of MLflow wrote the schema; says which of the two is older."""
    script = ScriptDirectory.from_config(_get_alembic_config(""))
    if revision in script.get_heads():
        return
    from mlflow.version import VERSION

    try:
        script.get_revision(revision)
    except CommandError as error:
        raise ConfigError(
            key,
            f"the schema of this database is newer than this MLflow ({VERSION})",
            found=f"revision {revision}",
            allowed="the version of MLflow that wrote it, or a later one; or another database",
        ) from error
    raise ConfigError(
        key,
        f"the schema of this database is older than this MLflow ({VERSION})",
        found=f"revision {revision}",
        allowed=f"back up the database, then: mlflow db upgrade '{address}'",
    )


def failure_of(error: Exception, database: Path, key: str, seconds: float) -> ConfigError:
    """What an error of SQLite means, and what to do."""
    text = str(error)
    if "locked" in text:
        return ConfigError(
            key,
            f"another process has locked this database for {seconds:.0f} s",
            found=database,
            allowed=f"wait until it is done, or end it; `fuser {database}` names it",
        )
    if "not a database" in text:
        return ConfigError(
            key, "this file is no SQLite database", found=database, allowed="another file, or a backup of it"
        )
    if "malformed" in text:
        return _damaged(database, key, text)
    return not_writable(database, key, error)


def is_writable(path: Path) -> bool:
    """Whether this process may write to a file or folder."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def not_writable(database: Path, key: str, error: Exception) -> ConfigError:
    """The message for a database that this user may not read or write."""
    folder = database.parent
    return ConfigError(
        key,
        f"the database cannot be used: {getattr(error, 'strerror', None) or error}",
        found=database,
        allowed=f"a folder that you may write to: set tracking.uri, or let your group write to the folder "
        f"(chmod g+w '{folder}' '{database}' '{database}.lock')",
    )


def _damaged(database: Path, key: str, state: str) -> ConfigError:
    return ConfigError(
        key,
        f"this database is damaged ({state.splitlines()[0][:200]})",
        found=database,
        allowed=f"a backup of it; or what can be saved: sqlite3 '{database}' .recover | sqlite3 new.db",
    )
