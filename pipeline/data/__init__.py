"""Data: sources of rows, kinds of inputs and targets, and splits. `load` is the entry point.

loading: loads a data set, or labelled rows for a finished run.
split_reader: reads the rows of a split.
dataset: a loaded data set and its splits.
sources: the sources of a data set, with their rows matched.
source: one source, and how its entry in a config is read.
joins: which rows of several sources belong together, by a key.
long_form: sources with a row for each step of a series.
patterns: columns that are named together, such as x_*.
list_cells: lists of numbers that are written as text.
columns: one column, converted to numbers or strings.
missing: which cells are missing.
truths: words for yes and no.
splitter: opens the sources as the split needs them, and splits the rows.
splits: which rows train, validate and test.
file_rows: what tells the rows of a file apart, and which classes they have.
named_rows: the same as in version 0.1, for its stored runs.
strata: the strata of the targets that a split is balanced by.
quotas: how many rows of each stratum train, validate and test.
classes: the classes in a column.
rare: moves rows of classes to training that no training row has.
hashes: hashes of rows, and the fingerprint of a split.
set_aside: validation rows that calibrate sets and intervals.
further_columns: columns that are neither an input nor a target.
leakage: rows, groups and targets that leak between splits or into inputs.
overview: the labels of each target in each split.
unseen_words: words of texts that no training row has.
feed: the rows that training and evaluation use, in memory or streamed.
unlabelled: rows to predict.
source_chunks: rows to predict that come from several sources.
files: how files are read.
kinds: what columns mean.
guess: what a config for given files should say.
"""

from pipeline.data.dataset import Dataset, Leak, Split
from pipeline.data.leakage import leaks, report_leaks
from pipeline.data.loading import load
from pipeline.data.overview import summary
from pipeline.data.set_aside import CALIBRATION, set_aside
from pipeline.data.unseen_words import unseen_sentences, unseen_shares

__all__ = [
    "CALIBRATION",
    "Dataset",
    "Leak",
    "Split",
    "leaks",
    "load",
    "report_leaks",
    "set_aside",
    "summary",
    "unseen_sentences",
    "unseen_shares",
]
