"""Addresses of stores, and of MLflow's pages: absolute if a server's address is given, else relative."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pipeline.errors import ConfigError

SQLITE = "sqlite:///"
QUOTED = "sqlite+pysqlite:///"  # MLflow takes the path of a plain address as it is, also to make its folder
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
ALLOWED = "http://host:port of an MLflow server, or sqlite:///path/to/mlflow.db"


def store_address(uri: str | None, folder: Path) -> tuple[str, str]:
    """The complete address of a store, and the key or variable that it comes from.

    Args:
        uri: as configured: `sqlite:///mlflow.db` is a file of `folder`; None: MLFLOW_TRACKING_URI if it is
            set, else a database file below `folder`.

    Raises:
        ConfigError: this is no address of a store.
    """
    key = "tracking.uri"
    if not uri:
        uri, key = os.environ.get("MLFLOW_TRACKING_URI"), "MLFLOW_TRACKING_URI"
    if not uri:
        return sqlite_address(folder.resolve() / "mlruns" / "mlflow.db"), "tracking.uri"
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if scheme == "sqlite":
        return _sqlite(uri, key, folder), key
    if scheme not in SCHEMES or not re.match(r"\w+(\+\w+)?://[^/]|databricks", uri) or not _is_whole(uri):
        raise ConfigError(key, *_wrong(uri, folder), allowed=ALLOWED)
    return uri, key


def _is_whole(uri: str) -> bool:
    """Whether an address of a server has a host, and a port within the range of ports if it has one."""
    try:
        parts = urlsplit(uri)
        return not parts.scheme.startswith("http") or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False


def _wrong(uri: str, folder: Path) -> tuple[str]:
    path = folder / unquote(uri.removeprefix("file:").removeprefix("//"))
    if (path / "mlflow.db").is_file():
        return (f"`{shown(uri)}` is a folder; its database is {SQLITE}{shown(uri)}/mlflow.db",)
    if path.exists():
        return (f"`{shown(uri)}` is a file or folder; MLflow no longer keeps runs in plain folders",)
    return (f"`{shown(uri)}` is no address of an MLflow store",)


def _sqlite(uri: str, key: str, folder: Path) -> str:
    text = re.sub(r"^sqlite(\+\w+)?:///", "", uri)
    if text == uri or text.partition("?")[0] in ("", ":memory:"):
        problem = "a database file has three slashes before its path, four if the path begins at the root"
        raise ConfigError(
            key, problem, found=shown(uri), allowed=f"{SQLITE}mlflow.db, {SQLITE}/data/mlflow.db"
        )
    if uri.startswith(QUOTED):
        return sqlite_address(folder.resolve() / unquote(text))
    # A folder may be called 50%20 or a?b; if it is not there, these are escapes and options of SQLAlchemy.
    as_written = folder.resolve() / text
    if as_written.parent.is_dir() and ("?" not in text or as_written.is_file() or "?" not in as_written.name):
        return sqlite_address(as_written)
    path, mark, options = text.partition("?")
    return sqlite_address(folder.resolve() / unquote(path)) + mark + options


def sqlite_address(database: Path) -> str:
    """The address of a database file, whatever the name of its folder.

    Example:
        >>> sqlite_address(Path("/a b/50%/mlflow.db"))
        'sqlite+pysqlite:////a b/50%25/mlflow.db'
    """
    path = str(database)
    escaped = path.replace("%", "%25").replace("?", "%3F")
    return f"{SQLITE}{path}" if path == escaped else f"{QUOTED}{escaped}"


def database_of(uri: str) -> Path | None:
    """The database file of a complete address; None for a server."""
    for prefix in (SQLITE, QUOTED):
        if uri.startswith(prefix):
            path = uri.removeprefix(prefix).partition("?")[0]
            return Path(unquote(path) if prefix == QUOTED else path)
    return None


def shown(uri: str) -> str:
    """An address as people read it: the path of a database unquoted, and without the password."""
    database = database_of(uri)
    return f"{SQLITE}{database}" if database else without_password(uri)


def without_password(uri: str) -> str:
    """An address without its password, also if another secret is a part of it.

    Example:
        >>> without_password("https://ann:secret@host:5000")
        'https://ann@host:5000'
    """
    return re.sub(r"^(\w[\w+]*://[^:/@]*):.*@", r"\1@", uri)


def remembered(uri: str, folder: Path) -> str:
    """An address to store with a run: without a password, and relative if the folder holds the database."""
    database = database_of(uri)
    if database is None:
        return without_password(uri)
    inside = database.is_relative_to(folder)
    return f"{SQLITE}{database.relative_to(folder)}" if inside else sqlite_address(database)


def local_path(uri: str) -> Path | None:
    """The folder that a `file:` address or a plain path names; None for any other address."""
    if uri.startswith("file:"):
        return Path(unquote(urlsplit(uri).path))
    return Path(uri) if uri.startswith("/") else None


def experiment_page(experiment_id: str, server: str = "") -> str:
    """The page that lists an experiment's runs."""
    return f"{_root(server)}#/experiments/{experiment_id}"


def run_page(experiment_id: str, run_id: str, server: str = "") -> str:
    """A run's page.

    Example:
        >>> run_page("1", "4ad2", "http://127.0.0.1:5000")
        'http://127.0.0.1:5000/#/experiments/1/runs/4ad2'
    """
    return f"{experiment_page(experiment_id, server)}/runs/{run_id}"


def compare_page(experiment_id: str, run_ids: Sequence[str], server: str = "") -> str:
    """The page that compares runs of one experiment."""
    runs, experiments = json.dumps(list(run_ids)), json.dumps([experiment_id])
    return f"{_root(server)}#/compare-runs?runs={quote(runs)}&experiments={quote(experiments)}"


def server_of(uri: str) -> str | None:
    """The address of the server for people, if a tracking URI names one; None for a database or a folder."""
    if not uri.startswith(("http://", "https://")):
        return None
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _root(server: str) -> str:
    return f"{server.rstrip('/')}/" if server else ""
