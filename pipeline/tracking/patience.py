"""Waits for a server that is away for a while.

The run of a sweep needs it: it reads its trials all the time, so an outbox as those of trials is no help.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast

from mlflow.exceptions import MlflowException, RestException
from mlflow.tracking import MlflowClient

from pipeline import signals
from pipeline.tracking.addresses import server_of, shown
from pipeline.tracking.outbox import PATIENCE, PATIENCE_AFTER_SIGNAL

logger = logging.getLogger(__name__)
PAUSE = 2.0  # seconds between two attempts

Result = TypeVar("Result")


class PatientClient:
    """An MLflow client that tries a request again while its server is away, for a minute in all.

    Once that is over, requests fail at once until one succeeds, so that the end of a sweep, which makes
    several, does not wait a minute for each.
    """

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self.client, self.uri = client, uri
        self.away_since: float | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not callable(method):
            return method
        return lambda *args, **options: self._ask(lambda: method(*args, **options))

    def _ask(self, request: Callable[[], Result]) -> Result:
        while True:
            try:
                result = request()
            except MlflowException as error:
                if not is_away(error):
                    raise
                if self.away_since is None:
                    self.away_since = time.monotonic()
                    logger.warning("%s does not answer; the sweep waits for it", shown(self.uri))
                patience = PATIENCE_AFTER_SIGNAL if signals.received() else PATIENCE
                if time.monotonic() + PAUSE > self.away_since + patience:
                    raise
                time.sleep(PAUSE)
            else:
                self.away_since = None
                return result


def patient(client: MlflowClient, uri: str) -> MlflowClient:
    """The client, which waits for its server if it has one."""
    return cast(MlflowClient, PatientClient(client, uri)) if server_of(uri) else client


def is_away(error: BaseException) -> bool:
    """Whether a server could not be reached, or has an error of its own."""
    if isinstance(error, RestException):
        return int(error.get_http_status_code()) > HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, MlflowException) and "failed with exception" in str(error)
