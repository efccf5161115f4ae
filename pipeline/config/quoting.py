"""Words of a command line in Hydra's grammar: a run called 8188 is a text, not a number."""

import re
import shlex
from collections.abc import Collection

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString, Sweep
from hydra.errors import HydraException


def quoted(text: str) -> str:
    r"""A text in Hydra's grammar; a text that is already quoted, and null, are returned unchanged.

    Example:
        >>> quoted("it's")
        "'it\\'s'"
    """
    if text == "null" or (len(text) > 1 and text[0] == text[-1] and text[0] in "'\""):
        return text
    # A backslash is special only before a quote.
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def split_list(text: str) -> list[str]:
    """The items of `[a,b]` or `a,b`; an item in quotes, which it keeps, may contain commas.

    Example:
        >>> split_list("[rows (1).csv,'a, b']")
        ['rows (1).csv', "'a, b'"]
    """
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    items = re.findall(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]+?)\s*(?:,|$)""", inner)
    return [item for item in items if item]


def quote_texts(words: Collection[str], keys: Collection[str]) -> list[str]:
    """Quotes the values of some keys where Hydra would read a number, a flag, or nothing at all.

    Lists and mappings that Hydra can read, and the choices of a sweep, are not changed; in others the items
    are quoted.

    Args:
        words: the words of a command line.
        keys: keys whose values are texts.

    Example:
        >>> quote_texts(["run=8188", "output=rows (1).parquet", "resamples=5"], ["run", "output"])
        ["run='8188'", "output='rows (1).parquet'", "resamples=5"]
    """
    return [_quote_value(word, keys) for word in words]


def _quote_value(word: str, keys: Collection[str]) -> str:
    key, equals, value = word.partition("=")
    if not equals or key.lstrip("+") not in keys or not value:
        return word
    try:
        parsed = OverridesParser.create().parse_override(word).value()
    except HydraException:
        return f"{key}={_quoted_items(value)}"
    if value[0] == "[" and isinstance(parsed, list):
        return word if all(map(_is_text, parsed)) else f"{key}={_with_texts(value, parsed)}"
    if value[0] in "[{":
        return word
    if parsed is None or isinstance(parsed, str | QuotedString | Sweep):
        return word
    return f"{key}={quoted(value)}"


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str | QuotedString | list | dict)


def _with_texts(value: str, parsed: list[object]) -> str:
    """A list whose numbers and flags are quoted: `[8188,a]` as `['8188',a]`."""
    items = split_list(value)
    if len(items) != len(parsed):  # lists in lists
        return value
    pairs = zip(items, parsed, strict=True)
    return f"[{','.join(item if _is_text(one) else quoted(item) for item, one in pairs)}]"


def several_values(word: str, *, group: bool) -> str:
    r"""A word with commas as those that may be meant, ready to paste into a shell.

    Args:
        word: such as `data=x,y`.
        group: whether its key chooses a file, so that it takes no list.

    Example:
        >>> several_values("data=x,y", group=True)
        '"data=\'x,y\'" for one name with a comma; -m data=x,y for a run with each'
    """
    key, _, value = word.partition("=")
    forms = [] if group else [f'"{key}=[{value}]" for a list']
    forms += [
        f"{advice(word)} for one {'name' if group else 'text'} with a comma",
        f"-m {word} for a run with each",
    ]
    return "; ".join(forms)


def _quoted_items(value: str) -> str:
    """A value that Hydra cannot read: `[a (1).csv]` and `{s: a (1).csv}` with quoted items, others quoted.

    Example:
        >>> _quoted_items("{s: rows (1).csv, t: b.csv}")
        "{s: 'rows (1).csv', t: 'b.csv'}"
    """
    if value[0] + value[-1] == "[]":
        return f"[{','.join(map(quoted, split_list(value)))}]"
    if value[0] + value[-1] != "{}":
        return quoted(value)
    pairs = [item.partition(":") for item in split_list(value[1:-1])]
    if not all(colon for _, colon, _ in pairs):
        return quoted(value)
    return f"{{{', '.join(f'{name.strip()}: {quoted(text.strip())}' for name, _, text in pairs)}}}"


def advice(word: str) -> str:
    """A word that Hydra cannot read as one that can be pasted into a shell."""
    key, equals, value = word.partition("=")
    if not equals or not value:
        return f"{key}=<value>"
    text = f"{key}={_quoted_items(value)}"
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'
