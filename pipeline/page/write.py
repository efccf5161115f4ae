"""Writes sections to files: figures/*.png, tables/*.csv and one page that contains them all."""

import csv
import re
import struct
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from pipeline.errors import coded
from pipeline.page.elements import Cell, Drawing, Heading, Section, Table
from pipeline.page.style import DPI, SERIES, SPLITS, number

NUMBER = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?"
PAIR = re.compile(rf"(\(?{NUMBER}) (±|…) ({NUMBER}\)?)")
JOINT = re.compile(r"(?<=[^\W\d])([.=])(?=[^\W\d])")  # of a key and its value


@dataclass(frozen=True)
class _Image:
    file: str
    drawing: Drawing
    uri: str  # the image itself, as a data URI
    width: int
    height: int


class Files:
    """Writes figures and tables into `folder`, each under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def figure(self, name: str, drawing: Figure | bytes | Drawing) -> _Image:
        """Writes a PNG file; raises ValueError for bytes that are not a PNG."""
        if not isinstance(drawing, Drawing):
            drawing = Drawing(drawing, name, name)
        data = drawing.figure if isinstance(drawing.figure, bytes) else _png(drawing.figure)
        if not data.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"figure {name!r}: the bytes are not a PNG file")
        file = self._free(f"figures/{_slug(name)}", ".png")
        (self.folder / file).write_bytes(data)
        width, height = struct.unpack(">II", data[16:24])
        uri = "" if drawing.chart else "data:image/png;base64," + b64encode(data).decode()
        return _Image(file, drawing, uri, width * 105 // DPI, height * 105 // DPI)

    def table(self, name: str, table: Table) -> str:
        """Writes a CSV file and returns its path within the folder."""
        file = self._free(f"tables/{_slug(name)}", ".csv")
        with (self.folder / file).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([table.columns, *map(_plain, table.rows)])
        return file

    def _free(self, stem: str, suffix: str) -> str:
        file, count = stem + suffix, 1
        while file.lower() in self._taken:  # some file systems ignore case
            count += 1
            file = f"{stem}_{count}{suffix}"
        self._taken.add(file.lower())
        return file


def write_page(folder: Path, heading: Heading, sections: list[Section], file: str = "report.html") -> None:
    """Writes all figures and tables of `sections`, and the page `file` with the figures embedded."""
    files = Files(folder)
    shown = [
        {
            "anchor": f"section-{place}",
            "title": section.title,
            "paragraphs": section.paragraphs,
            "figures": [files.figure(name, drawing) for name, drawing in section.figures.items()],
            "tables": [(files.table(name, table), table) for name, table in section.tables.items()],
        }
        for place, section in enumerate(sections)
    ]
    environment = Environment(
        loader=PackageLoader("pipeline.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: _breakable(number(value))
    colours = SPLITS | {f"s{place}": colour for place, colour in enumerate(SERIES)}
    page = environment.get_template("page.html.j2").render(
        heading=heading,
        sections=shown,
        colours=colours,
        dark={name: _lighter(colour) for name, colour in colours.items()},
        scripts=[Markup(_script(name)) for name in ("charts.js", "tables.js")],
    )
    (folder / file).write_text(coded(page), encoding="utf-8")


def _script(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _breakable(text: str) -> Markup:
    """Escaped text that may break between the parts of a key, but not inside a value with its error."""
    text = JOINT.sub(r"\1<wbr>", str(escape(text)).replace("_", "_<wbr>"))
    return Markup(PAIR.sub("<span class=pair>\\1\u00a0\\2\u00a0\\3</span>", text))


def _lighter(colour: str) -> str:
    """A colour for a dark page, half way to white."""
    red, green, blue = to_rgb(colour)
    return to_hex(((1 + red) / 2, (1 + green) / 2, (1 + blue) / 2))


def _plain(row: list[object]) -> list[object]:
    return [cell.value if isinstance(cell, Cell) else cell for cell in row]


def _png(figure: Figure) -> bytes:
    """A PNG with 256 colours: a third of the size, and hardly a visible difference."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    buffer = BytesIO()
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "png", optimize=True
    )
    return buffer.getvalue()


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "unnamed"
