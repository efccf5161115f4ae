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
SECONDS_LOCKED = 20  # MLflow's own wait for a database that another process has locked

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)
