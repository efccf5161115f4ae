"""The elements of a page: a heading, and sections with paragraphs, figures and tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from matplotlib.figure import Figure

from pipeline.page.chart import Chart


class Drawing(NamedTuple):
    """A figure with its caption and its alternative text.

    A page shows the chart, if there is one, and the figure is only a file beside it.
    """

    figure: Figure | bytes  # bytes: the contents of a PNG file
    caption: str
    alt: str
    chart: Chart | None = None
    photo: bool = False  # shows pictures, so that dark pages leave its colours as they are
    folded: bool = False  # a click opens it


class Cell(NamedTuple):
    """A table's cell that is a link, or tells by its colour what it means.

    `addresses` become links 1, 2, 3 and so on after the value.
    """

    value: object
    address: str = ""
    tone: Literal["", "best", "noise", "worse"] = ""
    hint: str = ""  # shown on hover
    addresses: Sequence[str] = ()

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Table:
    """A table on the page, and a CSV file with the same rows unrounded.

    `show` is "open", "folded" (a click opens it) or "file" (too large for the page: CSV only). A `dense`
    table is set small; so is a `matrix`, whose many columns have upright titles to fit a narrow page.
    """

    columns: list[str]
    rows: list[list[object]]
    caption: str = ""
    show: Literal["open", "folded", "file"] = "open"
    matrix: bool = False
    dense: bool = False


@dataclass(frozen=True)
class Section:
    """A titled section of a page.

    The key of a figure or table is its file name: `figures/<key>.png`, `tables/<key>.csv`. Paragraphs are
    escaped unless they are a `markupsafe.Markup`.
    """

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: dict[str, Figure | bytes | Drawing] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """The top of a page, and the config at its bottom.

    `note` may be a `markupsafe.Markup`. `refresh` is the number of seconds after which a browser reloads a
    page that is still being updated.
    """

    title: str
    note: str
    command: str
    config_yaml: str = ""
    refresh: int | None = None
