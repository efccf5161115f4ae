"""What the parts of a config take, read from their source: importing them would import Keras."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.config.rules import (
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
    or_null,
)
from pipeline.config.trust import find_targets
from pipeline.errors import ConfigError

Field = tuple[str, ast.expr | None, bool]  # name, annotation, whether it has a default
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
HYDRAS_OWN = dict.fromkeys(("_partial_", "_recursive_", "_convert_", "_args_"), ANYTHING)
SHARE = Rule(lambda value: is_number(value) and 0 <= value < 1, "a number from 0 to below 1")
# What these mean is the same in every part that has them.
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
    "longest": POSITIVE_COUNT,
    "dropout_words": SHARE,
    "unseen": SHARE,
    "white": POSITIVE,
    "augment": or_null(PART),
    "shift": SHARE,
    "zoom": SHARE,
    "rotate": NOT_NEGATIVE,
    "grain": Rule(lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "weights": or_null(Rule(lambda value: Path(str(value)).is_file(), "a file that is there")),
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
# Words that Keras knows, as the public names of one of its modules.
KERAS_WORDS = {"activation": "keras.activations", "architecture": "keras.applications"}


def check_parts(config: dict[str, Any]) -> None:
    """Every node that calls one of our parts has that part's keys; every name taken from Keras exists.

    The arguments of Keras' own classes are checked when they are called.

    Raises:
        ConfigError: an unknown part, an unknown or missing key, a value of another type than the part's.
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
    check_node(parent, node, required, optional=optional | HYDRAS_OWN)
    for name, rule in RANGES.items():
        if name in node:
            rule.check(f"{parent}.{name}", node[name])
    for name, known in KERAS_WORDS.items():
        if node.get(name) is not None:
            _check_keras_word(f"{parent}.{name}", node[name], known)
    _check_attention(parent, node)


def _check_keras_word(key: str, word: str, module: str) -> None:
    known = [name for name in keras_names(module) if name not in ("serialize", "deserialize", "get")]
    if word not in known:
        raise ConfigError(key, f"{module} has no such name", found=word, allowed=known)


def _check_attention(key: str, node: dict[str, Any]) -> None:
    heads = node.get("attention_heads")
    name = "width" if "width" in node else "embedding"
    if heads and name in node and node[name] % heads:
        allowed = f"a multiple of attention_heads={heads}"
        raise ConfigError(f"{key}.{name}", "cannot be shared out evenly", found=node[name], allowed=allowed)


@cache
def keras_names(module: str) -> list[str]:
    """Public names of a Keras module, read from its source; none if there is no such module."""
    spec = find_spec("keras")
    if spec is None or spec.origin is None:
        return []
    file = Path(spec.origin).parent.joinpath(*module.split(".")[1:], "__init__.py")
    body = ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else []
    return [alias.asname or alias.name for s in body if isinstance(s, ast.ImportFrom) for alias in s.names]


def select(config: Any, key: str) -> Any:
    """The node at a dotted key; list entries go by their number."""
    for name in key.split("."):
        config = config[int(name)] if isinstance(config, list) else config[name]
    return config


def arguments(target: str, key: str) -> tuple[dict[str, Rule], dict[str, Rule]]:
    """Required and optional keyword arguments of `pipeline.<module>.<name>`, each with its rule."""
    module, _, name = target.rpartition(".")
    if _source(module) is None:
        raise ConfigError(key, "there is no such module", found=module, allowed=_modules())
    found = _definition(module, name)
    if found is None:
        parts = [f"{module}.{part}" for part in _names(module)]
        raise ConfigError(key, "there is no such part", found=target, allowed=parts)
    fields = _parameters(found[1]) if isinstance(found[1], ast.FunctionDef) else _fields(found[0], found[1])
    required: dict[str, Rule] = {}
    optional: dict[str, Rule] = {}
    for field, annotation, has_default in fields:
        required.pop(field, None)
        optional.pop(field, None)
        (optional if has_default else required)[field] = _rule(annotation)
    return required, optional


@cache
def constants(target: str) -> dict[str, Any]:
    """The class constants of one of our parts, as the `kinds` that it takes; {} for a part from elsewhere."""
    module, _, name = target.rpartition(".")
    found = _definition(module, name)
    return _constants(found[0], found[1]) if found and isinstance(found[1], ast.ClassDef) else {}


def _constants(module: str, part: ast.ClassDef) -> dict[str, Any]:
    """Literal `ClassVar`s of a class, after those that it inherits."""
    values: dict[str, Any] = {}
    for parent in part.bases:
        inherited = _definition(module, ast.unparse(parent))
        if inherited and isinstance(inherited[1], ast.ClassDef):
            values |= _constants(inherited[0], inherited[1])
    for statement in part.body:
        if isinstance(statement, ast.AnnAssign) and statement.value and "ClassVar[" in ast.unparse(statement):
            with suppress(ValueError):  # not a literal, so nothing that a check needs
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


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef | ast.FunctionDef] | None:
    """The module that defines a name, and the definition; imports from our own modules are followed."""
    tree = _source(module)
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return module, statement
        if isinstance(statement, ast.ImportFrom) and name in [alias.name for alias in statement.names]:
            return _definition(statement.module or "", name)
    return None


def _names(module: str) -> list[str]:
    """Public classes and functions that a module defines or takes from our other modules."""
    names = []
    for statement in getattr(_source(module), "body", ()):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            names.append(statement.name)
        if isinstance(statement, ast.ImportFrom):
            names += [alias.name for alias in statement.names if _definition(module, alias.name)]
    return [name for name in names if not name.startswith("_")]


def _parameters(function: ast.FunctionDef) -> Iterator[Field]:
    given = function.args
    positional = given.posonlyargs + given.args
    for i, argument in enumerate(positional):
        yield argument.arg, argument.annotation, i >= len(positional) - len(given.defaults)
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield argument.arg, argument.annotation, default is not None


def _fields(module: str, part: ast.ClassDef) -> Iterator[Field]:
    """Fields of a dataclass, those it inherits first; of any other class, the parameters of `__init__`."""
    for parent in part.bases:
        inherited = _definition(module, ast.unparse(parent))
        if inherited and isinstance(inherited[1], ast.ClassDef):
            yield from _fields(inherited[0], inherited[1])
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
