"""Pages are complete: no file is overwritten, nothing is fetched, and text is escaped."""

import re
from io import BytesIO

import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from pipeline.page.elements import Drawing, Heading, Section, Table
from pipeline.page.write import write_page
from tests.pages import figures, read_page, table

NAN = float("nan")


def figure_of_one_line():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2])
    return figure


def write(folder, *sections, **heading):
    write_page(folder, Heading(**{"title": "first", "note": "", "command": "make"} | heading), list(sections))
    return read_page(folder)


def test_a_page_loads_nothing_and_its_links_lead_to_its_sections(tmp_path):
    one, two = Section("One", figures={"line": figure_of_one_line()}), Section("Two")
    page = write(tmp_path, one, two, config_yaml="seed: 0")
    assert page.loads == []
    assert [image["src"][:22] for image in page.images] == ["data:image/png;base64,"]
    assert page.links == [f"#{anchor}" for anchor in page.anchors]
    assert len(page.links) == 3


def test_text_is_escaped_and_markup_is_kept(tmp_path):
    section = Section("a < b", ["c & d", Markup("<em>kept</em>")])
    page = write(
        tmp_path, section, title="<title>", note=Markup("<strong>note</strong>"), config_yaml="<yaml>"
    )
    for text in ("a &lt; b", "c &amp; d", "&lt;title&gt;", "&lt;yaml&gt;"):
        assert text in page.text
    for markup in ("<em>kept</em>", "<strong>note</strong>"):
        assert markup in page.text


def test_signs_that_change_how_the_rest_looks_are_codes(tmp_path):
    page = write(tmp_path, Section("a\x1b[31mb", ["c\u202ed", "é 漢 \u200f"]), title="e\u2028f")
    for text in (r"a\x1b[31mb", r"c\u202ed", "é 漢 \u200f", r"e\u2028f"):
        assert text in page.text


def test_a_figure_has_its_caption_and_alternative_text(tmp_path):
    page = write(
        tmp_path, Section("One", figures={"line": Drawing(figure_of_one_line(), "caption", "words")})
    )
    assert "<figcaption>caption <code>figures/line.png</code></figcaption>" in page.text
    assert [image["alt"] for image in page.images] == ["words"]


def test_the_bytes_of_a_png_are_written_as_they_are(tmp_path):
    buffer = BytesIO()
    figure_of_one_line().savefig(buffer, format="png")
    write(tmp_path, Section("One", figures={"flow map": buffer.getvalue()}))
    assert (tmp_path / "figures/flow_map.png").read_bytes() == buffer.getvalue()


def test_bytes_that_are_not_a_png_are_refused(tmp_path):
    with pytest.raises(ValueError, match="figure 'flow': the bytes are not a PNG"):
        write(tmp_path, Section("Insight", figures={"flow": b"<svg/>"}))


def test_missing_values_are_shown_as_a_dash(tmp_path):
    page = write(tmp_path, Section("One", tables={"numbers": Table(["a", "b"], [[NAN, 1.0]])}))
    assert '<td class="number">–</td>' in page.text
    assert "nan" not in page.text.partition("<script>")[0].lower()


def test_tables_are_rounded_on_the_page_and_exact_in_their_file(tmp_path):
    page = write(tmp_path, Section("One", tables={"flow": Table(["head", "share"], [["class", 0.123456]])}))
    assert '<td class="number">0.1235</td>' in page.text
    assert table(tmp_path, "flow") == [{"head": "class", "share": "0.123456"}]


def test_tables_can_be_open_folded_or_only_a_file(tmp_path):
    tables = {show: Table([f"column {show}"], [[1]], show=show) for show in ("open", "folded", "file")}
    page = write(tmp_path, Section("Mine", tables=tables))
    folded = "".join(re.findall(r"<details>.*?</details>", page.text, flags=re.S))
    assert "column open" in page.text
    assert "column open" not in folded
    assert "column folded" in folded
    assert "column file" not in page.text
    assert table(tmp_path, "file") == [{"column file": "1"}]


def test_writing_again_replaces(tmp_path):
    section = Section("One", figures={"skill": figure_of_one_line()})
    write(tmp_path, section)
    page = write(tmp_path, section, title="second")
    assert "second" in page.text
    assert figures(tmp_path) == {"skill"}


def test_names_that_become_the_same_file_name_overwrite_nothing(tmp_path):
    names = ["a b", "a_b", "A b"]
    page = write(
        tmp_path,
        *(Section("One", figures={name: figure_of_one_line()}) for name in names),
        Section("Two", tables={name: Table(["name"], [[name]], show="file") for name in names}),
    )
    assert figures(tmp_path) == {"a_b", "a_b_2", "A_b_3"}
    assert len(page.images) == 3
    assert [table(tmp_path, name)[0]["name"] for name in ("a_b", "a_b_2", "A_b_3")] == names


def test_a_page_that_is_still_being_updated_reloads_itself(tmp_path):
    assert '<meta http-equiv="refresh" content="20">' in write(tmp_path, refresh=20).text
    assert 'http-equiv="refresh"' not in write(tmp_path).text


def test_long_names_break_after_underscores_and_values_stay_with_their_errors(tmp_path):
    table = Table(["kind_of_parcel", "skill"], [["a_b", "0.560 ± 0.036"], ["c.d=e f=0.5", "0.5 (-1 … +2)"]])
    write_page(tmp_path, Heading("x", "", "make"), [Section("One", tables={"t": table})])
    text = (tmp_path / "report.html").read_text()
    assert "kind_<wbr>of_<wbr>parcel" in text
    assert "0.560\u00a0±\u00a00.036" in text
    assert "0.5 <span class=pair>(-1\u00a0…\u00a0+2)</span>" in text
    assert "c.<wbr>d=<wbr>e f=0.5" in text
    assert "kind_of_parcel,skill" in (tmp_path / "tables" / "t.csv").read_text()
