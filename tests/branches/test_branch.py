"""The arguments that all branches share."""

import dataclasses
import inspect

import pytest

from pipeline import branches
from pipeline.branches.branch import Branch
from pipeline.data_options import INPUT_KINDS

PARTS = [part for _, part in inspect.getmembers(branches, inspect.isclass)]
ALL = [part for part in PARTS if issubclass(part, Branch) and part is not Branch]


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.__name__)
def test_every_branch_has_them_and_accepts_known_kinds(part: type[Branch]) -> None:
    names = {field.name for field in dataclasses.fields(part)}
    assert {"dropout", "dropout_input", "learning_rate"} <= names
    assert part.kinds
    assert {*part.kinds} <= {*INPUT_KINDS}


def test_every_kind_of_input_has_a_branch() -> None:
    assert {kind for part in ALL for kind in part.kinds} == {*INPUT_KINDS}
