"""Reads columns of the sources that are neither an input nor a target, in the order of the joined rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.data.columns import Column
from pipeline.data.source import Source, SourceEntry
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


def further_columns(
    names: Collection[str],
    sources: Mapping[str, SourceEntry],
    rows: int,
    *,
    key: str,
    known: Collection[str] = (),
    optional: Collection[str] = (),
    **options: Any,
) -> dict[str, Column]:
    """Reads some columns of all rows; name -> column.

    Args:
        names: `<source>.<column>`, or only `<column>` if one source has it.
        rows: the number of rows of the data set.
        key: the config key to name in messages.
        known: other names that the key may have, for messages.
        optional: further names, `<source>.<column>`, that are left out if there is no such column.
        options: further arguments of `Sources`.

    Raises:
        ConfigError: no source has the column, several have it, or it does not have one value per row.
    """
    if not names and not optional:
        return {}
    columns = {
        name: Source(name, entry, folders=options["folders"], needed=()).columns
        for name, entry in sources.items()
    }
    references = {name: _reference(name, columns, key, known) for name in names}
    references |= {name: name for name in optional if name in _complete(columns)}
    if not references:
        return {}
    joined = Sources(sources, references=list(references.values()), **options)
    found = {name: joined.column(reference, key) for name, reference in references.items()}
    for name, column in found.items():
        shape = np.shape(column.values)
        if shape != (rows,):
            raise ConfigError(
                key, "the column does not have one value per row", found=f"{name}: shape {shape}"
            )
    return found


def _complete(columns: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{source}.{column}".rstrip(".") for source, of in columns.items() for column in of]


def _reference(name: str, columns: Mapping[str, Sequence[str]], key: str, known: Collection[str]) -> str:
    """The `<source>.<column>` that a name means."""
    complete = _complete(columns)
    if name in complete:
        return name
    owners = [f"{source}.{name}" for source, of in columns.items() if name in of]
    if len(owners) > 1:
        raise ConfigError(key, "several sources have this column", found=name, allowed=owners)
    if not owners:
        short = [reference.partition(".")[2] or reference for reference in complete]
        allowed = list(dict.fromkeys([*known, *short]))
        raise ConfigError(key, "there is no such column", found=name, allowed=allowed)
    return owners[0]
