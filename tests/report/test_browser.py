"""The report in a browser: its charts and tables work, whatever kinds of heads it has."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline import report
from tests.browser import needs_browser, opened
from tests.report.sample import head, record

pytestmark = [pytest.mark.slow, needs_browser]


def quantiles(name="price"):
    made = head("number", names=[name])
    return replace(made, quantiles=[0.1, 0.5, 0.9], bands=made.outputs[:, :, None] + np.array([-2.0, 0, 2]))


@pytest.mark.parametrize("width", [800, 1400])
def test_a_report_on_heads_of_all_kinds_complains_of_nothing_and_fits(tmp_path, width):
    heads = {kind: head(kind) for kind in ("category", "number", "binary", "labels")} | {"price": quantiles()}
    report.write(tmp_path, record(heads))
    script = """const charts = [...document.querySelectorAll("figure.chart")];
        say([charts.length, charts.every((one) => one.querySelector(".line")),
             document.documentElement.scrollWidth <= innerWidth])"""
    shown = opened(tmp_path / "report.html", script, width)
    assert shown.console == []
    assert shown.said() == "9,true,true"


def test_the_worst_rows_are_folded_and_sorted_by_a_click(tmp_path):
    report.write(tmp_path, record({"score": head("number")}))
    script = """const table = [...document.querySelectorAll("details table")].at(-1);
        const losses = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[3].textContent));
        const [, , , title] = table.querySelectorAll("th");
        title.click(); title.click();
        const sorted = losses();
        say([table.closest("details").open, sorted.length, sorted[0] <= sorted[1]])"""
    shown = opened(tmp_path / "report.html", script)
    assert shown.said() == "false,40,true"


def test_figures_and_short_tables_are_opened_for_printing_and_long_ones_are_not(tmp_path):
    report.write(tmp_path, record({"class": head("category")}))
    script = """const folded = [...document.querySelectorAll("details")];
        const opened = () => folded.filter((one) => one.open);
        dispatchEvent(new Event("beforeprint"));
        const long = folded.filter((one) => one.querySelector("tbody")?.rows.length > 25);
        const printed = opened();
        dispatchEvent(new Event("afterprint"));
        say([printed.length > 1, long.length, printed.some((one) => long.includes(one)), opened().length])"""
    shown = opened(tmp_path / "report.html", script)
    assert shown.console == []
    assert shown.said() == "true,1,false,0"
