"""Leaves a caller's own use of MLflow as it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import mlflow


@contextmanager
def undisturbed() -> Iterator[None]:
    """Puts back the store that the caller has set; this program sets its own for the whole process."""
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
