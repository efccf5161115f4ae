"""Find changed lines that the tests do not notice.

    python -m benchmarks.mutation pipeline/metrics.py tests/test_metrics.py …

Makes one small change at a time to a module (another comparison, operator, constant or condition; a call
left out), runs the tests on it, and prints the changes that no test noticed. Each mutant runs in a fork of a
process that has imported TensorFlow, so it costs only the time of the tests. Linux only.
"""

import ast
import copy
import importlib.abc
import importlib.util
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pytest

# MLflow has imported plugins of pytest by now, which pytest warns of.
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
LIMIT = 300  # seconds after which a mutant counts as noticed: it loops
COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


def main(arguments: Sequence[str]) -> None:
    """Run the tests on every mutant of one module."""
    module, tests = Path(arguments[0]), list(arguments[1:])
    _import_heavy()
    if run(None, module, tests) != 0:
        raise SystemExit("the tests fail on the module as it is")
    total = survivors = 0
    for line, change, source in mutants(module.read_text(encoding="utf-8")):
        total += 1
        if run(source, module, tests) == 0:
            survivors += 1
            print(f"{module}:{line}: {change}", flush=True)
    print(f"{module}: {total} mutants, {survivors} not noticed")


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, what was changed, the changed source) of every mutant."""
    tree = ast.parse(source)
    places = [node for node in ast.walk(tree) if hasattr(node, "lineno") and not _is_type(node, tree)]
    for place in range(len(places)):
        for change in _changes(places[place]):
            mutated = copy.deepcopy(tree)
            copies = [node for node in ast.walk(mutated) if hasattr(node, "lineno")]
            originals = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
            target = copies[next(i for i, node in enumerate(originals) if node is places[place])]
            before = ast.unparse(places[place])
            change(target)
            after = ast.unparse(ast.fix_missing_locations(target))
            if before != after:
                shown = f"{before.splitlines()[0][:70]}  ->  {after.splitlines()[0][:70]}"
                yield places[place].lineno, shown, ast.unparse(ast.fix_missing_locations(mutated))


def _is_type(node: ast.AST, tree: ast.AST) -> bool:
    """Whether a node is part of an annotation, where `|` is no operator, or of a dataclass's options."""
    for parent in ast.walk(tree):
        annotations = [getattr(parent, name, None) for name in ("annotation", "returns")]
        for part in [*annotations, *getattr(parent, "decorator_list", [])]:
            if part is not None and any(node is one for one in ast.walk(part)):
                return True
    return False


def _changes(node: ast.AST) -> list[Callable[[Any], None]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        new = COMPARISONS[type(node.ops[0])]
        return [lambda target: target.ops.__setitem__(0, new())]
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        operator = OPERATORS[type(node.op)]
        return [lambda target: setattr(target, "op", operator())]
    if isinstance(node, ast.BoolOp):
        word = ast.Or if isinstance(node.op, ast.And) else ast.And
        return [lambda target: setattr(target, "op", word())]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        return [_drop_sign if isinstance(node.op, ast.USub) else _negate]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return [lambda target: setattr(target, "value", not target.value)]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return [lambda target: setattr(target, "value", target.value + 1)]
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        never = partial(_set_test, value=False)
        # A loop without an end would only cost time.
        return [never] if isinstance(node, ast.While) else [never, partial(_set_test, value=True)]
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        return [lambda target: setattr(target, "value", ast.Constant(None))]
    return []


def _drop_sign(target: Any) -> None:
    target.op = ast.UAdd()


def _negate(target: Any) -> None:
    target.op = ast.Not()


def _set_test(target: Any, *, value: bool) -> None:
    target.test = ast.Constant(value)


def run(source: str | None, module: Path, tests: Sequence[str]) -> int:
    """The exit code of the tests on a mutant, in a fork."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if source is not None:
                sys.meta_path.insert(0, _Mutated(source, module))
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                code = int(pytest.main([*OPTIONS, *tests]))
        finally:
            os._exit(code)
    until = time.monotonic() + LIMIT
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return 1
        time.sleep(0.05)


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Loads the changed source in place of the module's file."""

    def __init__(self, source: str, module: Path) -> None:
        self.source, self.file = source, str(module.resolve())
        self.name = ".".join(module.with_suffix("").parts)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_filename(self, name: str) -> str:
        return self.file

    def get_data(self, path: str) -> bytes:
        return self.source.encode()

    def path_stats(self, path: str) -> Any:
        raise OSError  # no byte code


def _import_heavy() -> None:
    """Import what all tests need, but nothing of the program."""
    import keras  # noqa: F401
    import numpy  # noqa: F401
    import pandas  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import tensorflow  # noqa: F401


if __name__ == "__main__":
    main(sys.argv[1:])
