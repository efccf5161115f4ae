"""Everything that goes to MLflow and comes from it. The only package of the program that imports it."""

from pipeline.tracking.writing import (
    Run,
    Writer,
    connect,
    default_uri,
    log_failure,
    open_run,
    source_tags,
)

__all__ = ["Run", "Writer", "connect", "default_uri", "log_failure", "open_run", "source_tags"]
