"""What the scripts of a page do in a browser."""

import pytest

from pipeline.page.chart import Axis, Chart, Line, Mark, Parallel, Plot
from pipeline.page.chart_figure import chart_figure
from pipeline.page.elements import Drawing, Heading, Section, Table
from pipeline.page.style import look
from pipeline.page.write import write_page
from tests.browser import needs_browser, opened

NAN = float("nan")
pytestmark = [pytest.mark.slow, needs_browser]
CHART = Chart(
    [
        Plot("loss </script>", [Line("a <b>", [3, NAN, 1]), Line("c", [2, 2, 2], colour="s1")], "epoch"),
        Plot("log", [Line("a <b>", [1, 10, 1000])], marks=[Mark("kept", x=2), Mark("base", y=20)], log=True),
        Plot("points", [Line("a <b>", [1, 2], [1, 3], points=True, bars=[(0, 2), (1, 3)])], square=True),
    ]
)
SEARCH = Chart(
    [Parallel([Axis("rate", log=True), Axis("optimizer", ["adam", "sgd"])], [Line("t", [0.1, 1])])]
)
MOVE = """
const move = (svg, [x, y], type = "pointermove") => {
  const box = svg.getBoundingClientRect();
  const view = svg.viewBox.baseVal;
  const [across, down] = [box.width / view.width, box.height / view.height];
  const at = { clientX: box.left + x * across, clientY: box.top + y * down };
  svg.dispatchEvent(new PointerEvent(type, { ...at, pointerId: 1, bubbles: true }));
};
const [svg] = document.querySelectorAll("figure.chart svg[role=img]");
svg.setPointerCapture = () => {};
const ticks = () => [...svg.querySelectorAll("text")].map((text) => text.textContent).join(" ");
const circle = svg.querySelector(".line[data-name='c'] circle");
const spot = [parseFloat(circle.getAttribute("cx")), parseFloat(circle.getAttribute("cy"))];
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with look([]):
        drawings = {
            name: Drawing(chart_figure(chart), name, name, chart)
            for name, chart in (("curves", CHART), ("search", SEARCH))
        }
    rows = [["b", 9.0], ["a", NAN], ["c", 1234.5]]
    section = Section("One", figures=drawings, tables={"numbers": Table(["name", "value"], rows)})
    write_page(folder, Heading("page", "", "make"), [section])
    return folder / "report.html"


@pytest.mark.parametrize("width", [800, 1400])
def test_scripts_draw_every_plot_without_a_complaint_and_fit_the_window(page, width):
    script = """say([...document.querySelectorAll("figure.chart svg[role=img]")].map((svg) =>
        svg.querySelectorAll(".line").length).join() + " " +
        (document.documentElement.scrollWidth <= innerWidth))"""
    shown = opened(page, script, width)
    assert shown.console == []
    assert shown.said() == "2,1,1,1 true"
    assert "NaN" not in shown.html.partition("<main>")[2].partition("<script>")[0]


def test_a_page_may_fetch_nothing(page):
    script = 'fetch("https://127.0.0.1:1/x").then(() => say("fetched"), () => say("refused"))'
    shown = opened(page, script)
    assert shown.said() == "refused"
    assert any("Content Security Policy" in line for line in shown.console)


def test_a_pointer_names_the_line_that_it_is_near_and_its_values(page):
    script = (
        MOVE
        + 'move(svg, spot); say([...document.querySelectorAll(".tip")[0].children].map((x) => x.textContent))'
    )
    assert opened(page, script).said() == "c,epoch 1,a &lt;b&gt; 3,c 2"
    script = (
        MOVE + 'move(svg, spot); say([...document.querySelectorAll(".line.on")].map((x) => x.dataset.name))'
    )
    assert opened(page, script).said() == "c"


def test_a_click_on_a_name_hides_its_line_in_every_plot(page):
    script = """const [a] = document.querySelectorAll(".legend button"); a.click();
        say([...document.querySelectorAll(".line")].map((line) => line.dataset.name))"""
    assert opened(page, script).said() == "c,t"


def test_dragging_zooms_and_a_double_click_zooms_out(page):
    script = (
        MOVE
        + """const before = ticks();
        move(svg, [60, 40], "pointerdown"); move(svg, [120, 90]); move(svg, [120, 90], "pointerup");
        const zoomed = ticks(); svg.dispatchEvent(new Event("dblclick"));
        say([before !== zoomed, before === ticks()])"""
    )
    assert opened(page, script).said() == "true,true"


def test_a_click_on_a_column_sorts_the_rows_and_missing_values_stay_last(page):
    script = """const [name, value] = document.querySelectorAll("th");
        const cells = () => [...document.querySelectorAll("td:first-child")];
        const order = () => cells().map((x) => x.textContent).join("");
        const orders = [order()];
        for (const title of [value, value, name, name]) { title.click(); orders.push(order()); }
        say(orders)"""
    assert opened(page, script).said() == "bac,cba,bca,abc,cba"


def test_parallel_coordinates_name_the_line_and_its_values(page):
    script = """const svg = [...document.querySelectorAll("figure.chart svg[role=img]")].at(-1);
        const box = svg.getBoundingClientRect();
        const at = { clientX: box.right - 50, clientY: box.top + 45 };
        svg.dispatchEvent(new PointerEvent("pointermove", at));
        say([...document.querySelectorAll(".tip")[1].children].map((x) => x.textContent))"""
    assert opened(page, script).said() == "t,rate: 0.1,optimizer: sgd"


def test_dark_pages_are_dark(page):
    script = "say(getComputedStyle(document.body).backgroundColor)"
    assert opened(page, script).said() == "rgb(255, 255, 255)"
    assert opened(page, script, dark=True).said() == "rgb(22, 23, 24)"
