"""Data: sources of rows, kinds of inputs and targets, and splits. `load` is the entry point.

loading: loads a data set, or labelled rows for a finished run.
dataset: a loaded data set and its splits.
sources: the sources of a data set, with their rows matched.
source: one source, and how its entry in a config is read.
joins: which rows of several sources belong together, by a key.
columns: one column, converted to numbers or strings.
splits: which rows train, validate and test.
hashes: hashes of rows, and the fingerprint of a split.
leakage: rows, groups and targets that leak between splits or into inputs.
overview: the labels of each target in each split.
unseen_words: words of texts that no training row has.
feed: the rows that training and evaluation use, in memory or streamed.
unlabelled: rows to predict.
files: how files are read.
kinds: what columns mean.
"""

from pipeline.data.dataset import Dataset, Leak, Split
from pipeline.data.leakage import leaks, report_leaks
from pipeline.data.loading import load
from pipeline.data.overview import summary
from pipeline.data.unseen_words import unseen_sentences, unseen_shares

__all__ = [
    "Dataset",
    "Leak",
    "Split",
    "leaks",
    "load",
    "report_leaks",
    "summary",
    "unseen_sentences",
    "unseen_shares",
]
