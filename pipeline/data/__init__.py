"""Data: sources, splits, kinds of input and target. `load` is the way in."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.data.dataset import Dataset, Split, load
    from pipeline.data.leakage import Leak, leaks, report_leaks
    from pipeline.data.overview import summary

_HOMES = {
    "Dataset": "dataset",
    "Split": "dataset",
    "load": "dataset",
    "Leak": "leakage",
    "leaks": "leakage",
    "report_leaks": "leakage",
    "summary": "overview",
}
__all__ = ["Dataset", "Leak", "Split", "leaks", "load", "report_leaks", "summary"]


def __getattr__(name: str) -> Any:
    # Late, so that pipeline.data.paths can be asked without importing Keras and pandas. A module named like
    # what it holds would, once imported, stand in its place.
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline.data' has no attribute '{name}'")
    return getattr(import_module(f"pipeline.data.{_HOMES[name]}"), name)
