"""What is read from the source of parts is what Python would say of them."""

import dataclasses

from pipeline import branches
from pipeline.config.definitions import constants, documentation, documented_arguments, fields


def test_the_constants_of_a_part_are_read_from_its_class_and_the_classes_it_inherits_from():
    from pipeline import branches, heads

    for module, package in ((heads, "heads"), (branches, "branches")):
        for name, part in vars(module).items():
            if isinstance(part, type) and part.__module__.startswith(f"pipeline.{package}"):
                for constant, value in constants(f"pipeline.{package}.{name}").items():
                    assert value == getattr(part, constant)
    assert constants("pipeline.branches.GRU")["kinds"] == ("series",)
    assert constants("pipeline.heads.Ordinal")["kinds"] == ("category",)
    assert constants("my_package.Head") == {}


def test_the_fields_of_a_part_are_those_of_python_with_their_defaults():
    for name in ("Conv2D", "Transformer", "GRU"):
        part = getattr(branches, name)
        expected = {
            field.name: field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
            for field in dataclasses.fields(part)
            if field.init
        }
        read = {field: has_default for field, _, has_default in fields(f"pipeline.branches.{name}")}
        assert read == expected
    assert list(fields("pipeline.branches.Nothing")) == []


def test_inherited_arguments_are_documented_too():
    texts = documented_arguments("pipeline.branches.Conv2D")
    assert texts.keys() >= {"filters", "dropout_input"}
    assert all(texts.values())
    assert documentation("pipeline.branches.Conv2D")
    assert documentation("my_package.Branch") == ""
