"""Settings of MLflow that hold for every command; imported before MLflow, which reads some of them then."""

import os

# People may set other values in the environment.
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # With MLflow's own seven retries and two minutes an answer, a server that is away blocks for 17 minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # with the password; the program prints it without
    "GIT_PYTHON_REFRESH": "quiet",
}
SECONDS_LOCKED = 100  # that a statement waits for a database which another process has locked

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)


def wait_for_locks() -> None:
    """Makes SQLite wait longer than its five seconds for a lock, in every database of this process."""
    import sqlite3

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def _wait(connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(f"PRAGMA busy_timeout = {SECONDS_LOCKED * 1000}")


wait_for_locks()
