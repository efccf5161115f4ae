"""Rows of several files that belong together, in chunks, for predictions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.data.files.delimited_chunks import Chunk
from pipeline.data.joins import Join
from pipeline.data.long_form import LongForm
from pipeline.data.source import SourceEntry
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


class SourceChunks:
    """Several sources, joined on a key or by position and held in memory, in chunks of rows.

    The only column of a chunk has the keys; `joined` has the columns of the data config.

    Args:
        entries, join, forms, folders: as for `Sources`.
        references: the columns of the data config that are needed.
        key: the config key to name in messages.

    Raises:
        ConfigError: a source that is needed has no file, or a file cannot be read.
    """

    def __init__(
        self,
        entries: Mapping[str, SourceEntry],
        references: Sequence[str],
        join: Join | None,
        forms: Mapping[str, LongForm],
        folders: Sequence[Path],
        key: str,
    ) -> None:
        for reference in references:
            if reference.partition(".")[0] not in entries:
                raise ConfigError(
                    key,
                    f"the source of column {reference} has no file",
                    found=", ".join(entries),
                    allowed=sorted({name.partition(".")[0] for name in references}),
                )
        sources = Sources(entries, folders=folders, references=references, join=join, forms=forms)
        self.joined = {reference: sources.column(reference, key) for reference in references}
        self.keys = np.arange(sources.rows) if sources.keys is None else sources.keys
        self.columns = [""]

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        total = len(self.keys)
        for first in range(0, total, rows):
            yield Chunk({"": self.keys[first : first + rows]}, min(1.0, (first + rows) / total))
