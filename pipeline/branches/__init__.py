"""Branches: the encoder of one input, from the prepared input to features of shape (rows, features).

A branch is called like a Keras layer and builds only Keras layers, so a saved model loads with Keras alone.
There is one module per kind of input (`image`, `series`, `vector`, `table`, `text`); its docstring gives the
shape of the prepared input.
"""

from pipeline.branches.augment import Augment
from pipeline.branches.branch import Branch
from pipeline.branches.image import Application, Conv2D, ResNet
from pipeline.branches.series import GRU, LSTM, Conv1D, Transformer
from pipeline.branches.table import Table
from pipeline.branches.tabm import TabM
from pipeline.branches.text import TextBag, TextConv, TextTransformer
from pipeline.branches.vector import Dense

__all__ = [
    "GRU",
    "LSTM",
    "Application",
    "Augment",
    "Branch",
    "Conv1D",
    "Conv2D",
    "Dense",
    "ResNet",
    "TabM",
    "Table",
    "TextBag",
    "TextConv",
    "TextTransformer",
    "Transformer",
]
