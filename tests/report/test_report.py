"""The report on one run: it is complete, needs nothing but itself, and disturbs nobody's matplotlib."""

import html
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline import report
from pipeline.page import style
from pipeline.page.elements import Drawing, Heading, Section
from pipeline.report import InputExamples, confusion
from tests.pages import figures, read_page, words
from tests.report.sample import KANJI, head, history, images, parts, record, small


def write(folder, made):
    report.write(folder, made)
    return read_page(folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The default run's report: its folder and its page."""
    folder = tmp_path_factory.mktemp("report")
    return folder, write(folder, record())


def test_page_needs_nothing_but_itself(written):
    _, page = written
    assert page.loads == []
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.images)
    assert [link for link in page.links if not link.startswith("#")] == [record().run_url]
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_every_figure_on_the_page_is_a_file_and_has_alternative_text(written):
    folder, page = written
    files = {path.read_bytes() for path in (folder / "figures").glob("*.png")}
    shown = {b64decode(image["src"].partition(",")[2]) for image in page.images}
    assert shown < files
    assert len(files - shown) == len(page.charts) == 4
    assert all(path.name in page.text for path in (folder / "figures").iterdir())
    assert all(len(image["alt"]) > 20 for image in page.images)
    assert all(int(image["width"]) <= 1140 for image in page.images)


def test_default_run_has_every_figure_and_table(written):
    folder, _ = written
    assert figures(folder) == {
        *("skill", "model", "curves", "share", "time"),
        *("curves_class", "confusion_class", "reliability_class", "worst_class"),
        *("curves_score", "predicted_score", "worst_score"),
    }
    assert {path.stem for path in (folder / "tables").iterdir()} == {
        *("heads", "heads_1", "heads_2", "scores", "layers", "epochs", "history", "time"),
        *("pairs_class", "classes_class", "confusion_class", "worst_class", "worst_score"),
    }


def test_links_jump_to_sections(written):
    _, page = written
    jumps = [link[1:] for link in page.links if link.startswith("#")]
    assert len(jumps) >= 7
    assert jumps == page.anchors


def test_command_config_and_title_are_on_the_page_and_escaped(written):
    _, page = written
    assert html.escape("kanji <default>") in page.text
    assert "python -m pipeline.train loss_weights.class=2.0" in page.text
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>" not in page.text
    assert "Trained all 9 epochs; kept epoch 4, the best. Head class was best in epoch 3." in page.text


def test_only_web_addresses_become_links(tmp_path):
    page = write(tmp_path, small(run_url="javascript:alert(1)"))
    assert all(link.startswith("#") for link in page.links)
    assert "run abc" in page.text


def test_the_first_lines_tell_the_run_its_rows_and_what_is_wrong_with_the_data(tmp_path):
    page = write(tmp_path, small(warnings=["3 rows of <test> are in train"]))
    assert "seed 0 · rows: train 80, val 40, test 40" in page.text
    assert "<strong>Warning: 3 rows of &lt;test&gt; are in train</strong>" in page.text
    assert page.text.index("Warning") < page.text.index("<table>")


def test_matplotlibs_state_is_restored_and_pyplot_is_not_imported(tmp_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "import matplotlib\n"
        "from pipeline import report\n"
        "from tests.report.sample import small\n"
        "matplotlib.rcParams['font.size'] = 5\n"
        "keys = sorted(set(matplotlib.rcParams) - {'backend'})\n"  # reading the backend imports pyplot
        "def rules(): return [matplotlib.rcParams[key] for key in keys]\n"
        "before = rules()\n"
        "report.write(Path(sys.argv[1]), small())\n"
        "assert rules() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, cwd=root)


def test_the_users_matplotlib_style_does_not_affect_the_report(tmp_path):
    write(tmp_path / "plain", small())
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 3, "lines.linewidth": 9}):
        write(tmp_path / "styled", small())
    plain, styled = (sorted((tmp_path / kind / "figures").iterdir()) for kind in ("plain", "styled"))
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in styled]


def test_arrays_of_different_lengths_are_refused(tmp_path):
    heads = {"class": head("category", rows=39)}
    with pytest.raises(ValueError, match="image has 40 rows, head class has 39 test rows"):
        report.write(tmp_path, record(heads))


def test_other_modules_add_sections(tmp_path):
    line = Figure(figsize=(2, 1))
    line.add_subplot().plot([1, 2])
    section = Section(
        "Insight", ["text"], {"flow": line, "skill": Drawing(line, "a caption", "words for it")}
    )
    page = write(tmp_path, small(sections=[section], phases={"train": 1.0}))
    assert {"flow", "skill", "skill_2"} <= figures(tmp_path)  # the report has a figure `skill` of its own
    assert "words for it" in [image["alt"] for image in page.images]
    titles = re.findall(r"<h2>(.*?)</h2>", page.text)
    assert titles == ["Result", "Insight", "Learning", "Head class", "Model", "Time", "Config"]


def test_heads_can_be_written_without_the_training(tmp_path):
    heads = {"a": head("number"), "a_b": head("labels")}
    run = record(heads, inputs={}, parts=[], history={})
    report.write_heads(tmp_path, Heading("rows", "", "make"), run, [Section("Result")], "evaluation.html")
    titles = re.findall(r"<h2>(.*?)</h2>", read_page(tmp_path, "evaluation.html").text)
    assert titles == ["Result", "Head a", "Head a_b"]
    assert figures(tmp_path) == {
        "predicted_a",
        "worst_a",
        "labels_a_b",
        "thresholds_a_b",
        "reliability_a_b",
        "worst_a_b",
    }


def test_class_names_that_no_font_can_draw_are_numbered_and_explained(tmp_path, poor_fonts):
    page = write(tmp_path, small())
    assert "#1 木, #2 氵" in page.text
    with style.look(KANJI):
        drawn = words(confusion.confusion_drawings("class", head("category"))["confusion_class"].figure)
    assert {"other", "#1", "#2"} <= set(drawn.split("\n"))
    assert "木" not in drawn


def test_texts_that_no_font_can_draw_raise_no_warning(tmp_path, poor_fonts):
    heads = {"部首": head("category", names=["a", "木"]), "画数": head("number", names=["画"])}
    inputs = {"名": InputExamples("text", {"名": np.array(["木の\u200d人"] * 40, dtype=object)})}
    page = write(tmp_path, small(heads=heads, inputs=inputs, history=history(heads), phases={"時間": 1.0}))
    assert "木の" in page.text
    assert {"curves_部首", "worst_画数"} <= figures(tmp_path)


@pytest.mark.parametrize(
    ("kind", "figure"),
    [("category", "confusion"), ("number", "predicted"), ("binary", "rank"), ("labels", "labels")],
)
@pytest.mark.parametrize(
    "missing", [(), (0, 1, 2), range(40)], ids=["labelled", "some missing", "all missing"]
)
def test_every_kind_of_head_is_drawn_whatever_labels_are_missing(tmp_path, kind, figure, missing):
    page = write(tmp_path, small(heads={"only": head(kind, missing=missing)}, history={}))
    assert f"{figure}_only" in figures(tmp_path)
    assert ("worst_only" in figures(tmp_path)) == (len(missing) < 40)
    noted = f"{len(missing)} of 40 test rows have no label for only." in page.text
    assert noted == (len(missing) > 0)


@pytest.mark.slow
def test_page_of_six_inputs_and_eight_heads_stays_below_three_megabytes(tmp_path):
    kinds = ["category", "number", "binary", "labels"] * 2
    heads = {f"{kind}_{place}": head(kind, rows=300, seed=place) for place, kind in enumerate(kinds)}
    strokes = np.random.default_rng(0).random((300, 30, 2))
    inputs = {f"pen_{n}": InputExamples("series", {f"pen_{n}": strokes}) for n in range(3)}
    inputs |= {f"image_{n}": InputExamples("image", {f"image_{n}": images(300, 3)}) for n in range(3)}
    write(
        tmp_path,
        record(heads, inputs=inputs, parts=parts(6, tuple(heads), 8), history=history(heads, 30)),
    )
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
