"""Guesses from files what a data config should say, for `pipeline.init`.

cells: a sample of the rows of every column.
names: what the name of a column says, and names that a config can use.
meaning: what a column means: a number, a class, a date, an image …
numeric, words, arrays, pictures: the same, for columns of each kind of cell.
copies: columns that give a target away.
steps: files with a row for each step of a series.
keys: how the rows of several sources are matched.
targets: the kinds of the targets, and which columns may be targets.
inputs: the inputs that the other columns become.
split: how the rows are split.
plan: all of it together.
write: the YAML text.
"""

from pipeline.data.guess.pictures import Roots
from pipeline.data.guess.plan import Plan, candidates, make_plan, open_sources
from pipeline.data.guess.targets import TargetGuess, likely
from pipeline.data.guess.write import as_yaml

__all__ = ["Plan", "Roots", "TargetGuess", "as_yaml", "candidates", "likely", "make_plan", "open_sources"]
