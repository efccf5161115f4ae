"""A plan as the text of a data config: YAML with aligned comments."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]

from pipeline.data.guess.inputs import InputGuess
from pipeline.data.guess.plan import Plan
from pipeline.data.guess.targets import TargetGuess

PLAIN = re.compile(r"[A-Za-z_./][\w./-]*", re.ASCII)
WIDTH = 108  # characters of a line
COMMENT_AT = 64  # the column of comments, unless a block has longer lines
LONGEST_COMMENT = 120
Line = tuple[str, str]  # text and comment


def as_yaml(plan: Plan, *, header: Sequence[str] = ()) -> str:
    """The text of a data config.

    Args:
        plan: what it says.
        header: lines of the comment at the top.
    """
    blocks = [
        [(f"# {_printable(line)}", "") for line in header],
        [("sources:", ""), *_sources(plan)],
        *([[(f"join: {scalar(plan.matching.join)}", plan.matching.why)]] if plan.matching.join else []),
        [("inputs:", ""), *(line for one in plan.inputs for line in _input(one))],
        [("targets:", ""), *(line for one in plan.targets for line in _target(one))],
        _split(plan),
        _left_out(plan.left_out),
    ]
    return "\n".join(line for block in blocks for line in _aligned(block)) + "\n"


def scalar(value: Any) -> str:
    r"""A value as YAML, on one line, that Hydra reads as the same value.

    Example:
        >>> scalar("s.größe"), scalar("s.alpha"), scalar("no"), scalar([1, "a b"])
        ('"s.größe"', 's.alpha', '"no"', '[1, "a b"]')
    """
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {scalar(one)}' for key, one in value.items())}}}"
    if not isinstance(value, str):
        return str(value)
    if PLAIN.fullmatch(value) and yaml.safe_load(value) == value and value.lower() not in ("y", "n"):
        return value
    # OmegaConf takes ${ for the beginning of a reference to another key.
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    text: str = yaml.dump(escaped, default_style='"', allow_unicode=True, width=float("inf"))
    return text.strip()


def _sources(plan: Plan) -> list[Line]:
    lines = []
    for name, entry in plan.sources.items():
        comment = f"{plan.rows[name]:,} rows"
        if isinstance(entry, Mapping) and "missing" in entry:
            comment += "; some cells of numbers hold such words"
        if isinstance(entry, Mapping) and "encoding" in entry:
            comment += "; it is not UTF-8, so this is a guess: look at letters such as é"
        lines.append((f"  {name}: {scalar(entry)}", comment))
    if len(plan.sources) > 1 and plan.matching.join is None:
        lines.append((f"  # {plan.matching.why}", ""))
    return lines


def _input(one: InputGuess) -> list[Line]:
    lines = [(f"  {one.name}:", one.why), (f"    kind: {one.kind}", "")]
    lines += [(f"    {option}: {scalar(value)}", "") for option, value in one.options.items()]
    for option, columns in one.columns.items():
        if any(comment for _, comment in columns):
            lines.append((f"    {option}:", ""))
            lines += [(f"      - {scalar(reference)}", comment) for reference, comment in columns]
        else:
            lines += [(text, "") for text in _wrapped(option, [reference for reference, _ in columns])]
    return lines


def _wrapped(option: str, references: Sequence[str]) -> list[str]:
    """A list of many columns, several on a line."""
    lines, line = [f"    {option}: ["], "     "
    for reference in references:
        word = f" {scalar(reference)},"
        if len(line) + len(word) > WIDTH:
            lines.append(line)
            line = "     "
        line += word
    return [*lines, line, "    ]"]


def _target(target: TargetGuess) -> list[Line]:
    options = {"kind": target.kind, "column": target.cells.reference, **target.options}
    return [(f"  {target.name}: {scalar(options)}", target.why)]


def _split(plan: Plan) -> list[Line]:
    others = [(f"# {other}", "") for other in plan.split.others]
    return [(f"# {plan.split.why}", ""), *others, (f"split: {scalar(plan.split.options)}", "")]


def _left_out(reasons: Mapping[str, str]) -> list[Line]:
    if not reasons:
        return []
    return [("# Left out:", ""), *((f"#   {_on_one_line(column)}", why) for column, why in reasons.items())]


def _aligned(block: Sequence[Line]) -> list[str]:
    """The lines of a block, with their comments in one column."""
    commented = [len(text) for text, comment in block if comment]
    width = max([length for length in commented if length <= COMMENT_AT], default=0)
    lines = []
    for text, comment in block:
        # Within a comment, the reason needs no sign of its own.
        sign = "  " if text.lstrip().startswith("#") else "  # "
        lines.append(f"{text.ljust(width)}{sign}{_on_one_line(comment)}" if comment else text)
    return lines


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _on_one_line(comment: str) -> str:
    text = _printable(comment)
    return text if len(text) <= LONGEST_COMMENT else f"{text[:LONGEST_COMMENT]} …"
