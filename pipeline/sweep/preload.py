"""What every trial needs: importing this is importing all of it, see `pipeline.sweep.launchers`."""

from pipeline.heavy_imports import importing

with importing():
    import pipeline.job.artifacts
    import pipeline.sweep.parent  # noqa: F401
