"""Reads what a page writes and what a figure shows."""

import csv
import json
from html.parser import HTMLParser

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


class Page(HTMLParser):
    """The images, charts, links, anchors and loaded files of an HTML page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.links, self.anchors, self.loads = [], [], [], []
        self.charts: list[list[dict]] = []  # the plots of each
        self.in_chart = False
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "img":
            self.images.append(found)
        if tag == "a":
            self.links.append(found["href"])
        if "id" in found:
            self.anchors.append(found["id"])
        if tag in ("link", "iframe", "object") or (tag == "script" and "src" in found) or "srcset" in found:
            self.loads.append(tag)
        self.in_chart = tag == "script" and found.get("type") == "application/json"

    def handle_data(self, data):
        if self.in_chart:
            self.charts.append(json.loads(data))
            self.in_chart = False


def read_page(folder, file="report.html"):
    return Page((folder / file).read_text(encoding="utf-8"))


def table(folder, name):
    """The rows of a table's CSV file, as dictionaries."""
    with (folder / f"tables/{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def figures(folder):
    """The names of the figures that were written."""
    return {path.stem for path in (folder / "figures").iterdir()}


def texts(figure):
    """Every visible text of a figure."""
    figure.canvas.draw() if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure).draw()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def words(figure):
    return "\n".join(text.get_text() for text in texts(figure))


def assert_nothing_cut(figure):
    """All text lies on the canvas. Tick labels beyond an axis do not count, as they are not drawn."""
    seen = texts(figure)
    ticks = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for label in (tick.label1, tick.label2)
    }
    for text in seen:
        if text not in ticks:
            box = text.get_window_extent()
            assert box.x0 >= -1, text
            assert box.y0 >= -1, text
            assert box.x1 <= figure.bbox.width + 1, text
            assert box.y1 <= figure.bbox.height + 1, text
