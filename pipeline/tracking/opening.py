"""Opens stores: checks within seconds that one can be used, and says what to do if not."""

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import ConfigError
from pipeline.secrets import mask
from pipeline.tracking import mlflow_settings
from pipeline.tracking.addresses import database_of, server_of, shown, store_address
from pipeline.tracking.database import (
    check_database,
    check_schema,
    failure_of,
    is_writable,
    not_writable,
    open_database,
)
from pipeline.tracking.experiments import (
    DEFAULT_EXPERIMENT,
    experiment_id,
    experiment_name,
    experiment_of,
    usable,
)
from pipeline.tracking.relocation import relocate
from pipeline.tracking.running import close_lost

# After the import, which sets them to INFO.
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # errors are raised as well
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of every retry
SECONDS_TO_OPEN = 15.0
SECONDS_REFUSED = 4.0  # a machine that refuses connections has no server, or one that is about to start
PAUSE = 1.0  # seconds between two attempts
EXPERIMENTS, NO_EXPERIMENT = "/api/2.0/mlflow/experiments", "RESOURCE_DOES_NOT_EXIST"
SERVER_CURE = (
    "the address of a running server: start it (mlflow server --host 127.0.0.1 --port 5000), or correct "
    "tracking.uri or MLFLOW_TRACKING_URI; user and password go into MLFLOW_TRACKING_USERNAME and _PASSWORD"
)


class Store(NamedTuple):
    """A store that can be written: a client of it, its complete address, and the experiment's id."""

    client: MlflowClient
    uri: str
    experiment_id: str


def default_uri(folder: Path) -> str:
    """MLFLOW_TRACKING_URI if it is set, else a database file below the working folder."""
    return store_address(None, folder)[0]


def connect(
    uri: str | None,
    experiment: str | None,
    *,
    default: str = DEFAULT_EXPERIMENT,
    run_id: str | None = None,
) -> Store:
    """Opens a store to write to it, and makes the database and the experiment if necessary.

    Args:
        uri: None: the default.
        experiment: its name; None: that of MLFLOW_EXPERIMENT_NAME or _ID, else `default`.
        run_id: an existing run that is to be written; its experiment is that of the store.

    Raises:
        ConfigError: the store cannot be reached within 15 seconds, or cannot be used.
    """
    address, key = store_address(uri, Path.cwd())
    database = database_of(address)
    if database is None:
        answer = _check_server(address, key, None if run_id else experiment_name(experiment, default)[0])
        with failing_with(key, address):
            mlflow.set_tracking_uri(address)
            client = MlflowClient(address)
            close_lost(client, address)
            if (found := answer.get("experiment")) and not run_id:
                id_, stage = found["experiment_id"], found["lifecycle_stage"]
                return Store(client, address, usable(experiment, default, id_, stage))
            known = experiment_of(client, run_id) or experiment_id(client, experiment, default, None)
            return Store(client, address, known)
    # Processes that create the same database at the same time break it.
    with open_database(database, key, seconds=SECONDS_TO_OPEN), failing_with(key, address):
        mlflow.set_tracking_uri(address)
        client = MlflowClient(address)
        client.search_experiments(max_results=1)  # makes the tables
        relocate(database)
        close_lost(client, address)
        found = experiment_of(client, run_id) or experiment_id(client, experiment, default, database)
        return Store(client, address, found)


def connect_early(
    uri: str | None,
    experiment: str | None,
    *,
    default: str = DEFAULT_EXPERIMENT,
    run_id: str | None = None,
) -> Store | None:
    """Like `connect`, but makes no database: None if there is none yet, but could be.

    So a mistake in the data is reported before MLflow makes its tables, and leaves nothing behind.
    """
    address, key = store_address(uri, Path.cwd())
    database = database_of(address)
    if database is None or database.exists():
        return connect(uri, experiment, default=default, run_id=run_id)
    folder = next(parent for parent in database.parents if parent.exists())
    if not (folder.is_dir() and is_writable(folder)):
        raise not_writable(database, key, PermissionError(f"{folder} may not be written"))
    return None


def open_store(uri: str | None) -> str:
    """The address of an existing store to read, which becomes MLflow's current store.

    Args:
        uri: None: the default for the working folder.

    Raises:
        ConfigError: there is no such store, or it cannot be read.
    """
    address, key = store_address(uri, Path.cwd())
    database = database_of(address)
    if database is None:
        _check_server(address, key)
    elif not database.is_file():
        raise ConfigError(
            key,
            "there are no runs here: the database does not exist",
            found=database,
            allowed="start the command in the folder of the runs, or set tracking.uri or MLFLOW_TRACKING_URI",
        )
    else:
        check_database(database, key, seconds=SECONDS_TO_OPEN, write=False)
    mlflow.set_tracking_uri(address)
    # Who only reads the runs of somebody else may not see their checkpoints.
    with failing_with(key, address), suppress(PermissionError):
        close_lost(MlflowClient(address), address)
    return address


@contextmanager
def failing_with(key: str, address: str) -> Iterator[None]:
    """Turns errors of a store into one message."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        database = database_of(address)
        cause = getattr(error, "orig", None) or error
        if database is not None and isinstance(cause, sqlite3.Error):
            raise failure_of(cause, database, key, mlflow_settings.SECONDS_LOCKED) from error
        if "out-of-date database schema" in str(error):
            check_schema(str(error).partition("found version ")[2].partition(",")[0], address, key)
        raise ConfigError(
            key,
            f"the store cannot be used: {mask(str(cause).splitlines()[0])}",
            found=shown(address),
            allowed="a store that can be reached and that you may write to",
        ) from error


def _check_server(address: str, key: str, experiment: str | None = None) -> dict[str, Any]:
    """Raises ConfigError unless a server answers within 15 seconds.

    Args:
        experiment: a name that the server is asked for; None: it is asked for any experiment.

    Returns:
        The answer; {} if the server is a database.
    """
    if server_of(address) is None:
        _check_database_server(address, key)
        return {}
    question: dict[str, Any] = {
        "endpoint": f"{EXPERIMENTS}/search",
        "method": "POST",
        "json": {"max_results": 1},
    }
    if experiment is not None:
        question = {
            "endpoint": f"{EXPERIMENTS}/get-by-name",
            "method": "GET",
            "params": {"experiment_name": experiment},
        }
    credentials = get_default_host_creds(address)
    started = time.monotonic()
    while True:
        left = SECONDS_TO_OPEN - (time.monotonic() - started)
        try:
            answer = http_request(
                credentials,
                **question,
                max_retries=0,
                timeout=max(left, 0.1),
                raise_on_status=False,
            )
        except MlflowException as error:
            problem, patience = _unreachable(str(error))
        else:
            found = _json(answer.text)
            known = answer.status_code == HTTPStatus.OK or found.get("error_code") == NO_EXPERIMENT
            if found and known:
                return found
            problem, patience = _refused(answer.status_code)
        if time.monotonic() - started + PAUSE > patience:
            raise ConfigError(key, problem, found=shown(address), allowed=SERVER_CURE)
        time.sleep(PAUSE)


def _check_database_server(address: str, key: str) -> None:
    """Connects once, because MLflow would try it ten times, for more than a minute."""
    if not address.startswith(("postgresql", "mysql")):
        return
    with failing_with(key, address):
        engine = create_engine(address, connect_args={"connect_timeout": int(SECONDS_TO_OPEN)})
        engine.connect().close()
        engine.dispose()


def in_words(error: BaseException) -> str:
    """What an error of a store means, in a few words."""
    if isinstance(error, MlflowException) and "failed with exception" in str(error):
        return _unreachable(str(error))[0]
    if "database is locked" in str(error):
        return "another process has locked it"
    return mask((str(error).splitlines() or [type(error).__name__])[0][:300])


def _unreachable(text: str) -> tuple[str, float]:
    """What an error of a connection means, and the seconds to try again."""
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return "there is no machine of this name", 0
    if "SSL" in text:
        return f"the connection is not secure: {text.rpartition('SSLError')[2].strip(' (),.:')[:200]}", 0
    if "refused" in text:
        return "no server runs at this address", SECONDS_REFUSED
    return f"the server did not answer within {SECONDS_TO_OPEN:.0f} s", SECONDS_TO_OPEN


def _refused(status: int) -> tuple[str, float]:
    """What an answer that is not the expected one means, and the seconds to try again."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the server refuses access (status {status}): wrong or missing user, password or token", 0
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"the server has an error of its own (status {status}); its log says more", SECONDS_TO_OPEN
    return f"what answers here is no MLflow server (status {status})", 0


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
