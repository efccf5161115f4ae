"""Imports all that a trial needs; see `pipeline.sweep.launchers`."""

from pipeline.heavy_imports import importing

with importing():
    import pipeline.job.artifacts
    import pipeline.sweep.parent  # noqa: F401
