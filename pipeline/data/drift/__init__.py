"""Whether new rows are like those of the training, told from a stored summary of these.

measures: what is measured of each raw input: values, categories, words, brightness, length.
summary: counts of these measures in the training rows, which are stored, and in new rows.
compare: a test per column, corrected for their number.
"""

from pipeline.data.drift.compare import COLUMNS, Difference, compare, sentence, table
from pipeline.data.drift.measures import Measure, measures, training_measures
from pipeline.data.drift.summary import Summary

__all__ = [
    "COLUMNS",
    "Difference",
    "Measure",
    "Summary",
    "compare",
    "measures",
    "sentence",
    "table",
    "training_measures",
]
