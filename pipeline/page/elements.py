"""What every page is made of: sections with paragraphs, figures and tables under a heading."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from matplotlib.figure import Figure


class Drawing(NamedTuple):
    """A figure with the sentence under it and the words for those who cannot see it."""

    figure: Figure | bytes  # bytes: a whole PNG file
    caption: str
    alt: str


@dataclass(frozen=True)
class Table:
    """A table of the page; its CSV holds the same rows unrounded.

    `show` is "open", "folded" (opened by a click), or "file" for what is too large to read: the CSV alone.
    """

    columns: list[str]
    rows: list[list[object]]
    caption: str = ""
    show: Literal["open", "folded", "file"] = "open"


@dataclass(frozen=True)
class Section:
    """One headed part of the page, ours or another module's.

    The key of a figure or table is its file name: `figures/<key>.png`, `tables/<key>.csv`. Text is escaped;
    who wants markup in a paragraph passes a `markupsafe.Markup`.
    """

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: dict[str, Figure | bytes | Drawing] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """The head of a page, and the config at its foot.

    `note` may be a `markupsafe.Markup`; `refresh` are the seconds after which a browser reads the page again,
    for one that is still written.
    """

    title: str
    note: str
    command: str
    config_yaml: str = ""
    refresh: int | None = None
