"""Records why a run failed."""

import traceback

from mlflow.tracking import MlflowClient

from pipeline.secrets import mask

FAILURE = "pipeline.failure"  # tag: why the run failed


def log_failure(client: MlflowClient, run_id: str, error: BaseException) -> None:
    """Logs why a run failed: one line as a tag, and the artifact traceback.txt."""
    client.set_tag(run_id, FAILURE, reason(error))
    client.log_text(run_id, traceback_of(error), "traceback.txt")


def reason(error: BaseException) -> str:
    """Why a run failed, in one line."""
    return mask(f"{type(error).__name__}: {error}".splitlines()[0])[:500]


def traceback_of(error: BaseException) -> str:
    """The traceback of an error, without secrets."""
    return mask("".join(traceback.format_exception(error)))
