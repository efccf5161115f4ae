"""Data: sources, splits, kinds of input and target. `load` is the way in."""

from pipeline.data.dataset import Dataset, Split, load
from pipeline.data.leakage import Leak, leaks, report_leaks
from pipeline.data.overview import summary

__all__ = ["Dataset", "Leak", "Split", "leaks", "load", "report_leaks", "summary"]
