"""The words of data configs name classes that exist, with the options that they promise."""

import dataclasses
import importlib

import pytest

from pipeline import data_options

KINDS = data_options.INPUT_KINDS | data_options.TARGET_KINDS


def class_of(path: str) -> type:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_class_of_that_kind(kind: str) -> None:
    assert class_of(KINDS[kind]).kind == kind


@pytest.mark.parametrize("kind", data_options.DEFAULT_SCALES)
def test_the_default_scale_is_that_of_the_class(kind: str) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(class_of(KINDS[kind]))}
    assert defaults["scale"] == data_options.DEFAULT_SCALES[kind]


def test_every_option_that_names_columns_belongs_to_some_kind() -> None:
    options = {field.name for path in KINDS.values() for field in dataclasses.fields(class_of(path))}
    assert {*data_options.COLUMN_OPTIONS} <= options
