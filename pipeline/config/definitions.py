"""Reads our parts from their source: fields, constants and docstrings. Importing parts would import Keras."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

Field = tuple[str, ast.expr | None, bool]  # name, annotation, whether it has a default
Definition = ast.ClassDef | ast.FunctionDef
PACKAGE = Path(__file__).parent.parent


def fields(target: str) -> Iterator[Field]:
    """The arguments of one of our parts in their order; none of a part that there is not.

    An argument that a class inherits and defines again is there twice; the last one counts.
    """
    found = _definition_of(target)
    if found is None:
        return
    home, part = found
    yield from _parameters(part) if isinstance(part, ast.FunctionDef) else _fields(home, part)


@cache
def constants(target: str) -> dict[str, Any]:
    """The class constants of one of our parts, such as its `kinds`; {} for a part of another package."""
    found = _definition_of(target)
    if found is None or isinstance(found[1], ast.FunctionDef):
        return {}
    return _constants(found[0], found[1])


@cache
def documentation(target: str) -> str:
    """The first paragraph of the docstring of one of our parts."""
    found = _definition_of(target)
    return _docstring(found[1]).partition("\n\n")[0].replace("\n", " ") if found else ""


@cache
def documented_arguments(target: str) -> dict[str, str]:
    """What the docstrings of one of our parts say of its arguments, by name; inherited ones too."""
    found = _definition_of(target)
    return _texts(*found) if found else {}


def _definition_of(target: str) -> tuple[str, Definition] | None:
    module, _, name = target.rpartition(".")
    return definition(module, name)


def _texts(module: str, part: Definition) -> dict[str, str]:
    texts: dict[str, str] = {}
    for parent in _parents(module, part) if isinstance(part, ast.ClassDef) else ():
        texts |= _texts(*parent)
    return texts | _argument_texts(_docstring(part))


def _argument_texts(docstring: str) -> dict[str, str]:
    lines = docstring.partition("Args:\n")[2].partition("\n\n")[0].splitlines()
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        if found := re.match(r" {4}([\w, ]+): (.*)", line):
            names = found[1].split(", ")
            texts |= dict.fromkeys(names, found[2])
        else:
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
    return texts


def _docstring(part: Definition) -> str:
    return ast.get_docstring(part) or ""


def _constants(module: str, part: ast.ClassDef) -> dict[str, Any]:
    """The literal `ClassVar`s of a class and the classes that it inherits from."""
    values: dict[str, Any] = {}
    for parent in _parents(module, part):
        values |= _constants(*parent)
    for statement in part.body:
        if isinstance(statement, ast.AnnAssign) and statement.value and "ClassVar[" in ast.unparse(statement):
            with suppress(ValueError):  # not a literal; no check needs it
                values[ast.unparse(statement.target)] = ast.literal_eval(statement.value)
    return values


@cache
def source(module: str) -> ast.Module | None:
    """One of our modules as a syntax tree; None if there is no such module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if module.startswith("pipeline.") and file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def modules() -> list[str]:
    """The names of all our modules."""
    files = [file.relative_to(PACKAGE.parent).with_suffix("") for file in PACKAGE.rglob("*.py")]
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files)


def definition(module: str, name: str) -> tuple[str, Definition] | None:
    """The module that defines a name, and the definition; follows imports from our own modules."""
    tree = source(module)
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return module, statement
        if isinstance(statement, ast.ImportFrom) and name in [alias.name for alias in statement.names]:
            return definition(statement.module or "", name)
    return None


def _parents(module: str, part: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """Our own classes that a class inherits from directly, with the modules that define them."""
    for name in map(ast.unparse, part.bases):
        found = definition(module, name)
        if found and isinstance(found[1], ast.ClassDef):
            yield found[0], found[1]


def names(module: str) -> list[str]:
    """The public classes and functions that a module defines or imports from our other modules."""
    found = []
    for statement in getattr(source(module), "body", ()):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            found.append(statement.name)
        if isinstance(statement, ast.ImportFrom):
            found += [alias.name for alias in statement.names if definition(module, alias.name)]
    return [name for name in found if not name.startswith("_")]


def _parameters(function: ast.FunctionDef) -> Iterator[Field]:
    signature = function.args
    positional = signature.posonlyargs + signature.args
    for i, argument in enumerate(positional):
        yield argument.arg, argument.annotation, i >= len(positional) - len(signature.defaults)
    for argument, default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True):
        yield argument.arg, argument.annotation, default is not None


def _fields(module: str, part: ast.ClassDef) -> Iterator[Field]:
    """The fields of a dataclass, inherited ones first; of any other class, the parameters of `__init__`."""
    for parent in _parents(module, part):
        yield from _fields(*parent)
    is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in part.decorator_list)
    for statement in part.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from list(_parameters(statement))[1:]
        if is_dataclass and isinstance(statement, ast.AnnAssign):
            text = ast.unparse(statement)
            if "ClassVar[" not in text and "init=False" not in text:
                yield ast.unparse(statement.target), statement.annotation, statement.value is not None
