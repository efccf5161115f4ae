"""Checks the arguments of parts. They are read from the source, because importing parts imports Keras."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.config.trust import find_targets
from pipeline.errors import ConfigError
from pipeline.rules import (
    ANYTHING,
    COUNT,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    PART,
    POSITIVE,
    POSITIVE_COUNT,
    TEXT,
    TEXTS,
    WHOLE,
    Rule,
    check_node,
    is_number,
    list_of,
    one_of,
    or_auto,
    or_null,
)

Field = tuple[str, ast.expr | None, bool]  # name, annotation, whether it has a default
Definition = ast.ClassDef | ast.FunctionDef
PACKAGE = Path(__file__).parent.parent
ANNOTATIONS = {
    "int": WHOLE,
    "float": NUMBER,
    "str": TEXT,
    "bool": FLAG,
    "Sequence[int]": list_of(WHOLE),
    "Sequence[float]": list_of(NUMBER),
    "Sequence[str]": list_of(TEXT),
    "str | Sequence[str]": TEXTS,
}
SHARE = Rule(
    lambda value: is_number(value) and 0 <= value < 1,
    "a number from 0 to below 1",
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
)
AUTOMATIC = {"bins": or_auto(COUNT), "skip": or_auto(FLAG)}
# Arguments with a range, by name; they mean the same in every part.
RANGES = {
    "filters": list_of(POSITIVE_COUNT),
    "units": list_of(POSITIVE_COUNT),
    "width": POSITIVE_COUNT,
    "kernel_size": POSITIVE_COUNT,
    "pool_size": POSITIVE_COUNT,
    "embedding": POSITIVE_COUNT,
    "dropout": SHARE,
    "dropout_input": SHARE,
    "learning_rate": NOT_NEGATIVE,
    "warmup_epochs": NOT_NEGATIVE,
    "blocks": POSITIVE_COUNT,
    "alpha": NOT_NEGATIVE,
    "probe_rows": COUNT,
    "probe_batches": POSITIVE_COUNT,
    "repeats": COUNT,
    "rows": or_null(POSITIVE_COUNT),
    "attention_heads": POSITIVE_COUNT,
    "expansion": POSITIVE_COUNT,
    "members": POSITIVE_COUNT,
    "spread": NOT_NEGATIVE,
    "waves": COUNT,
    "frequency": POSITIVE,
    "longest": POSITIVE_COUNT,
    "dropout_words": SHARE,
    "unseen": SHARE,
    "white": POSITIVE,
    "augment": or_null(PART),
    "shift": SHARE,
    "zoom": SHARE,
    "rotate": NOT_NEGATIVE,
    "final": Rule(lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "factor": Rule(lambda value: is_number(value) and 0 < value < 1, "a number above 0 and below 1"),
    "minimum": NOT_NEGATIVE,
    "grain": Rule(lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "weights": or_null(Rule(lambda value: Path(str(value)).is_file(), "an existing file")),
    "threshold": Rule(
        lambda value: (
            value in (None, "f1")
            or (is_number(value) and 0 <= value < 1)
            or (isinstance(value, dict) and len(value) == 1 and _is_aim(*next(iter(value.items()))))
        ),
        "null, a number from 0 to below 1, f1, {recall: <above 0, at most 1>} or {cost: <above 0>}",
    ),
    "class_weight": Rule(
        lambda value: (
            value in (None, "balanced")
            or (isinstance(value, dict) and all(map(NOT_NEGATIVE.test, value.values())))
        ),
        "balanced, or a mapping of class names to finite numbers of at least 0",
    ),
    "quantiles": Rule(
        lambda value: (
            list_of(SHARE).test(value) and value == sorted({*value}) and 0.5 in value and value[0] > 0
        ),
        "rising numbers between 0 and 1, with 0.5, the median, among them",
    ),
}
# Arguments that are a public name in a module of Keras.
KERAS_NAMES = {"activation": "keras.activations", "architecture": "keras.applications"}


def _is_aim(name: object, value: object) -> bool:
    """Whether a threshold can be chosen by this recall or cost."""
    return POSITIVE.test(value) and (name == "cost" or (name == "recall" and value <= 1))  # type: ignore[operator]


def check_parts(config: dict[str, Any]) -> None:
    """Every part has its arguments, in range and of the right type; every name from Keras exists.

    The arguments of Keras' own classes are only checked when the classes are called.

    Raises:
        ConfigError: an unknown part, an unknown or missing argument, or a value that is not allowed.
    """
    for key, target in find_targets(config):
        module, _, name = target.rpartition(".")
        if module.startswith("keras.") and name not in keras_names(module):
            names = [f"{module}.{known}" for known in keras_names(module)]
            raise ConfigError(key, "Keras has no such name", found=target, allowed=names)
        if target.startswith("pipeline."):
            _check_part(config, key, target)


def _check_part(config: dict[str, Any], key: str, target: str) -> None:
    parent = key.removesuffix("._target_")
    node = {name: value for name, value in select(config, parent).items() if name != "_target_"}
    required, optional = arguments(target, key)
    # `auto` is replaced before a part is called, so annotations do not have it.
    optional = {name: AUTOMATIC.get(name, rule) for name, rule in optional.items()}
    check_node(parent, node, required, optional=optional)
    for name, rule in RANGES.items():
        if name in node:
            rule.check(f"{parent}.{name}", node[name])
    for name, known in KERAS_NAMES.items():
        if node.get(name) is not None:
            _check_keras_name(f"{parent}.{name}", node[name], known)
    _check_attention(parent, node)


def _check_keras_name(key: str, name: str, module: str) -> None:
    known = [one for one in keras_names(module) if one not in ("serialize", "deserialize", "get")]
    if name not in known:
        raise ConfigError(key, f"{module} has no such name", found=name, allowed=known)


def _check_attention(key: str, node: dict[str, Any]) -> None:
    heads = node.get("attention_heads")
    name = "width" if "width" in node else "embedding"
    if heads and name in node and node[name] % heads:
        problem = "the attention heads cannot share this evenly"
        allowed = f"a multiple of attention_heads={heads}"
        raise ConfigError(f"{key}.{name}", problem, found=node[name], allowed=allowed)


@cache
def keras_names(module: str) -> list[str]:
    """The public names of a Keras module, read from its source; [] if there is no such module."""
    spec = find_spec("keras")
    if spec is None or spec.origin is None:
        return []
    file = Path(spec.origin).parent.joinpath(*module.split(".")[1:], "__init__.py")
    body = ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else []
    return [alias.asname or alias.name for s in body if isinstance(s, ast.ImportFrom) for alias in s.names]


def select(config: Any, key: str) -> Any:
    """The node at a dotted key, in which numbers are places in a list."""
    node = config
    for name in key.split("."):
        node = node[int(name)] if isinstance(node, list) else node[name]
    return node


def arguments(target: str, key: str) -> tuple[dict[str, Rule], dict[str, Rule]]:
    """The required and the optional arguments of `pipeline.<module>.<name>`, each with its rule.

    Args:
        target: the class or function.
        key: the config key to name in the message.

    Raises:
        ConfigError: there is no such class or function.
    """
    module, _, name = target.rpartition(".")
    if _source(module) is None:
        raise ConfigError(key, "there is no such module", found=module, allowed=_modules())
    definition = _definition(module, name)
    if definition is None:
        parts = [f"{module}.{part}" for part in _names(module)]
        raise ConfigError(key, "there is no such part", found=target, allowed=parts)
    home, part = definition
    fields = _parameters(part) if isinstance(part, ast.FunctionDef) else _fields(home, part)
    required: dict[str, Rule] = {}
    optional: dict[str, Rule] = {}
    for field, annotation, has_default in fields:
        required.pop(field, None)
        optional.pop(field, None)
        (optional if has_default else required)[field] = _rule(annotation)
    return required, optional


@cache
def constants(target: str) -> dict[str, Any]:
    """The class constants of one of our parts, such as its `kinds`; {} for a part of another package."""
    module, _, name = target.rpartition(".")
    definition = _definition(module, name)
    if definition is None or isinstance(definition[1], ast.FunctionDef):
        return {}
    return _constants(definition[0], definition[1])


@cache
def documentation(target: str) -> str:
    """The first paragraph of the docstring of one of our parts."""
    module, _, name = target.rpartition(".")
    definition = _definition(module, name)
    return _docstring(definition[1]).partition("\n\n")[0].replace("\n", " ") if definition else ""


@cache
def documented_arguments(target: str) -> dict[str, str]:
    """What the docstrings of one of our parts say of its arguments, by name; inherited ones too."""
    module, _, name = target.rpartition(".")
    definition = _definition(module, name)
    return _texts(*definition) if definition else {}


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
def _source(module: str) -> ast.Module | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if module.startswith("pipeline.") and file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def _modules() -> list[str]:
    files = [file.relative_to(PACKAGE.parent).with_suffix("") for file in PACKAGE.rglob("*.py")]
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files)


def _definition(module: str, name: str) -> tuple[str, Definition] | None:
    """The module that defines a name, and the definition; follows imports from our own modules."""
    tree = _source(module)
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return module, statement
        if isinstance(statement, ast.ImportFrom) and name in [alias.name for alias in statement.names]:
            return _definition(statement.module or "", name)
    return None


def _parents(module: str, part: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """Our own classes that a class inherits from directly, with the modules that define them."""
    for name in map(ast.unparse, part.bases):
        definition = _definition(module, name)
        if definition and isinstance(definition[1], ast.ClassDef):
            yield definition[0], definition[1]


def _names(module: str) -> list[str]:
    """The public classes and functions that a module defines or imports from our other modules."""
    names = []
    for statement in getattr(_source(module), "body", ()):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            names.append(statement.name)
        if isinstance(statement, ast.ImportFrom):
            names += [alias.name for alias in statement.names if _definition(module, alias.name)]
    return [name for name in names if not name.startswith("_")]


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


def _rule(annotation: ast.expr | None) -> Rule:
    text = ast.unparse(annotation) if annotation else ""
    if isinstance(annotation, ast.BinOp) and text.endswith(" | None"):
        return or_null(_rule(annotation.left))
    if text.startswith("Literal["):
        return one_of(*ast.literal_eval(f"({text.removeprefix('Literal[').removesuffix(']')},)"))
    return ANNOTATIONS.get(text, ANYTHING)
