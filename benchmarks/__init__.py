"""Benchmarks and studies; each script prints its table and the machine, commit and date."""

from pipeline.heavy_imports import importing

with importing():
    import keras  # noqa: F401
    import mlflow  # noqa: F401
