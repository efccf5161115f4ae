"""The words that a data config may use. Standard library only: checks run before heavy imports."""

from typing import NamedTuple

INPUT_KINDS = {
    "image": "pipeline.data.kinds.image.Image",
    "series": "pipeline.data.kinds.series.Series",
    "vector": "pipeline.data.kinds.vector.Vector",
    "table": "pipeline.data.kinds.table.Table",
    "text": "pipeline.data.kinds.text.Text",
}
TARGET_KINDS = {
    "category": "pipeline.data.kinds.category.Category",
    "number": "pipeline.data.kinds.number.Number",
    "binary": "pipeline.data.kinds.targets.Binary",
    "labels": "pipeline.data.kinds.targets.Labels",
}
COLUMN_OPTIONS = (
    "dates",
    "column",
    "columns",
    "order",
    "length",
    "numeric",
    "categorical",
)  # of inputs and targets: name columns
SAMPLE_WEIGHT = "sample_weight"  # of every kind of target: the column with the weights of the rows
AUTO = "auto"
SCALES = ("robust", "standard", "quantile", "none")  # of inputs; the first is the default
VECTOR_SCALES = (AUTO, *SCALES)  # the first is the default
# The scale of an entry without one, by its kind, now and in stored configs of version 0.1.
DEFAULT_SCALES = {
    "image": "auto",
    "series": "robust",
    "vector": AUTO,
    "table": "robust",
    "number": "auto",
}
SCALES_OF_0_1 = {**dict.fromkeys(DEFAULT_SCALES, "standard"), "image": "bytes"}
# Options of inputs that keep what version 0.1 did, for the runs that it stored.
OPTIONS_OF_0_1: dict[str, dict[str, bool | int | str]] = {
    "text": {"fold": False, "letters": 0},
    "series": {"gaps": "none"},
}
NUMBER_SCALES = ("auto", "standard", "log", "quantile", "none")  # of number targets
IMAGE_SCALES = ("auto", "bytes", "robust", "standard", "none")
SCALES_OF_KIND = {
    "image": IMAGE_SCALES,
    "number": NUMBER_SCALES,
    "vector": VECTOR_SCALES,
}  # of others: SCALES
JOINS = ("left", "inner", "exact")  # the first is the default
TEXT_TABLES = (".csv", ".tsv", ".tab", ".txt")  # suffixes of files that take options of how they are written
WORKBOOKS = (".xlsx", ".xlsm")  # suffixes of files that take the option `sheet`
LEAK_POLICIES = ("fail", "warn", "ignore")
SPLITS = ("train", "val", "test")


class SplitForm(NamedTuple):
    """The options of one way to split the rows."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


# The first form whose name is among the options of a split is the one that is meant.
SPLIT_FORMS = {
    "column": SplitForm(("column", *SPLITS), ("group", "rows")),
    "time": SplitForm(("time",), ("fractions", "val", "test", "day_first", "group", "rows")),
    "fractions": SplitForm(("fractions",), ("stratify", "group", "seed", "rows")),
}
FOLD_OPTIONS = ("folds", "fold", "tested")  # divide the rows of any form into folds
DRAWN_OPTIONS = ("stratify", "seed")  # a split by column takes them if it has folds
# `fixed`: all folds have the test rows of the split; `once`: every row is tested in one fold. The first is
# the default.
TESTED = ("fixed", "once")


def optional_options(form: str, *, folds: bool) -> tuple[str, ...]:
    """The options that a split of this form may have, besides those that it needs."""
    drawn = DRAWN_OPTIONS if form == "column" else ()
    return (*SPLIT_FORMS[form].optional, *((*FOLD_OPTIONS, *drawn) if folds else ()))


# What tells rows apart: all columns of the first source, or the columns that inputs and targets name, as in
# version 0.1. The first is the default.
SPLIT_ROWS = ("whole", "named")
