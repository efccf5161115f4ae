"""Data: sources, splits, kinds of input and target. `load` is the way in."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.data.dataset import Dataset as Dataset
    from pipeline.data.dataset import Split as Split
    from pipeline.data.dataset import load as load

_HOMES = {"Dataset": "dataset", "Split": "dataset", "load": "dataset"}
__all__ = ["Dataset", "Split", "load"]


def __getattr__(name: str) -> Any:
    # Late, so that pipeline.data.paths can be asked without importing Keras and pandas.
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline.data' has no attribute '{name}'")
    return getattr(import_module(f"pipeline.data.{_HOMES[name]}"), name)
