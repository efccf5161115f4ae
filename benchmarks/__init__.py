"""Speed, each script a table of ratios of two things run alternately. `make bench` runs them."""

from pipeline.heavy_imports import importing

with importing():
    import keras  # noqa: F401
    import mlflow  # noqa: F401
