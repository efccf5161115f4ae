"""The report on one run: what is drawn, what is written, and that nothing is cut, lost or fetched."""

import csv
import html
import logging
import re
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from pipeline import report
from pipeline.page import style
from pipeline.page.elements import Drawing, Section, Table
from pipeline.report import (
    HeadResult,
    InputExamples,
    Part,
    Record,
    confusion,
    examples,
    learning,
    picture,
    results,
)

NAN = float("nan")
KANJI = ["other", "木", "氵"]


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def metrics(**words):
    return {**words, "loss": 0.5, "skill": 0.7}


def head(kind, *, rows=40, names=None, missing=(), seed=0):
    """A head's result on synthetic test rows; the predictions are right but for some noise."""
    rng = np.random.default_rng(seed)
    names = (
        names or {"category": KANJI, "number": ["strokes"], "binary": ["late"], "labels": ["a", "b"]}[kind]
    )
    if kind == "category":
        labels = np.arange(rows) % len(names)
        outputs = softmax(3 * np.eye(len(names))[labels] + 2 * rng.normal(size=(rows, len(names))))
        loss = -np.log(outputs[np.arange(rows), labels])
        test = metrics(accuracy=0.8, f1=0.7, auc=0.9)
    elif kind == "number":
        labels = rng.normal(12, 4, size=(rows, len(names)))
        outputs = labels + rng.normal(size=labels.shape)
        loss = ((labels - outputs) ** 2).mean(axis=1)
        test = metrics(mae=0.8, rmse=1.0, r2=0.9)
    else:
        labels = (rng.random((rows, len(names))) < 0.4).astype(float)
        outputs = np.clip(0.25 + 0.5 * labels + rng.normal(scale=0.3, size=labels.shape), 0.01, 0.99)
        loss = -np.log(np.where(labels == 1, outputs, 1 - outputs)).mean(axis=1)
        test = metrics(accuracy=0.8, f1=0.7, auc=0.9, ap=0.9)
    labels = labels.astype(np.int32) if kind == "category" else labels
    labels[list(missing)] = -1 if kind == "category" else NAN
    loss[list(missing)] = NAN
    return HeadResult(
        kind,
        names,
        "CategoricalCrossentropy",
        1.0,
        1.7,
        test,
        test,
        labels,
        outputs,
        loss,
        np.arange(rows) + 1000,
    )


def history(heads, epochs=5):
    """Every metric that a run has, falling or rising smoothly."""
    fall = [1.5 * 0.8**epoch for epoch in range(epochs)]
    rise = [1 - value / 2 for value in fall]
    found = {f"{split}/{word}": fall for split in ("train", "val") for word in ("loss", "loss_unweighted")}
    found["val/skill"] = rise
    for name, result in heads.items():
        for word in result.test:
            splits = ("val",) if word == "skill" else ("train", "val")
            found |= {
                f"{split}/{name}_{word}": fall if word in ("loss", "mae", "rmse") else rise
                for split in splits
            }
        found[f"share/{name}"] = [1 / len(heads)] * epochs
        found[f"weight/{name}"] = [1.0] * epochs
    return {
        metric: [1.1 * value for value in values] if metric.startswith("val/") else values
        for metric, values in found.items()
    }


def parts(branches=1, heads=("class",), layers=3):
    stack = [("Conv2D 32, 3x3, relu", "16 x 16 x 32", 320), ("MaxPooling2D", "8 x 8 x 32", 0)] * 9
    return [
        *(Part("branch", f"input_{place}", stack[:layers]) for place in range(branches)),
        Part("fusion", "concatenate", [("Concatenate", "128", 0)]),
        *(
            Part("head", name, [("Dense", "31", 3999)], "SparseCategoricalCrossentropy", 1.0)
            for name in heads
        ),
    ]


def images(rows=40, channels=1):
    return np.random.default_rng(3).integers(0, 255, size=(rows, 8, 8, channels), dtype=np.uint8)


def record(heads=None, **changes):
    heads = {"class": head("category"), "score": head("number")} if heads is None else heads
    inputs = {"image": InputExamples("image", {"image": images()})}
    made = Record(
        title="kanji <default>",
        command="python -m pipeline.train loss_weights.class=2.0",
        config_yaml="seed: 0\ntitle: <b>bold</b>\n",
        run_url="http://127.0.0.1:5000/#/experiments/1/runs/abc",
        history=history(heads),
        best_epoch=4,
        parts=parts(2, tuple(heads)),
        heads=heads,
        inputs=inputs,
        phases={"load": 0.4, "train": 21.0, "test": 0.2},
    )
    return replace(made, **changes)


def small(**changes):
    """A record whose report is quickly drawn."""
    heads = changes.pop("heads", {"class": head("category", rows=12)})
    few = {
        metric: values
        for metric, values in history(heads).items()
        if metric.endswith(("skill", "class_loss"))
    }
    return record(heads, **({"history": few, "inputs": {}, "parts": parts(layers=1), "phases": {}} | changes))


class Page(HTMLParser):
    """What a browser would load, and the places that links jump to."""

    def __init__(self, text):
        super().__init__()
        self.images, self.links, self.anchors, self.loads = [], [], [], []
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
        if tag in ("script", "link", "iframe", "object") or "srcset" in found:
            self.loads.append(tag)


def write(folder, made):
    report.write(folder, made)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def table(folder, name):
    with (folder / f"tables/{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def figures(folder):
    return {path.stem for path in (folder / "figures").iterdir()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The default run's report: its folder and its page."""
    folder = tmp_path_factory.mktemp("report")
    return folder, write(folder, record())


@pytest.fixture
def drawing():
    """Draws as `write` does: with our look, and fonts for nothing special."""
    with style.look([]):
        yield


def texts(figure):
    """Every piece of text that is seen in a figure."""
    figure.canvas.draw() if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure).draw()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def words(figure):
    return "\n".join(text.get_text() for text in texts(figure))


def assert_nothing_cut(figure):
    """All text lies on the canvas, but for tick labels beyond an axis, which are not drawn."""
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


# The page


def test_page_needs_nothing_but_itself(written):
    _, page = written
    assert page.loads == []
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.images)
    assert [link for link in page.links if not link.startswith("#")] == [record().run_url]
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_every_figure_on_the_page_is_a_file_and_has_words_for_the_blind(written):
    folder, page = written
    files = sorted((folder / "figures").glob("*.png"))
    shown = sorted(b64decode(image["src"].partition(",")[2]) for image in page.images)
    assert shown == sorted(path.read_bytes() for path in files)
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
        *("heads", "scores", "layers", "history", "time"),
        *("pairs_class", "classes_class", "confusion_class", "worst_class", "worst_score"),
    }


def test_links_jump_to_sections(written):
    _, page = written
    jumps = [link[1:] for link in page.links if link.startswith("#")]
    assert len(jumps) >= 7
    assert jumps == page.anchors


def test_command_config_and_title_stand_there_unharmed(written):
    _, page = written
    assert html.escape("kanji <default>") in page.text
    assert "python -m pipeline.train loss_weights.class=2.0" in page.text
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>" not in page.text
    assert "Kept epoch: <strong>4</strong>" in page.text


def test_only_web_addresses_become_links(tmp_path):
    page = write(tmp_path, small(run_url="javascript:alert(1)"))
    assert all(link.startswith("#") for link in page.links)
    assert "javascript:alert(1)" in page.text


def test_headline_gives_each_head_its_metrics_beside_the_constant(written):
    folder, _ = written
    by_head = {row["head"]: row for row in table(folder, "heads")}
    assert by_head["class"]["accuracy"] == "0.8"
    assert by_head["class"]["mae"] == "nan"
    assert by_head["score"]["mae"] == "0.8"
    assert by_head["score"]["loss of a constant"] == "1.7"
    assert by_head["score"]["skill"] == "0.7"


def test_absent_values_are_shown_as_a_dash(written):
    _, page = written
    assert '<td class="number">–</td>' in page.text
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page.text).lower()


def test_scores_hold_both_splits(tmp_path):
    made = small()
    made.heads["class"].val["accuracy"] = 0.25
    write(tmp_path, replace(made, heads={"class": replace(made.heads["class"], test=metrics(accuracy=0.8))}))
    found = {(row["split"], row["metric"]): row["value"] for row in table(tmp_path, "scores")}
    assert found["val", "accuracy"] == "0.25"
    assert found["test", "accuracy"] == "0.8"


def test_history_is_kept_whole_as_a_table(tmp_path):
    made = small()
    made.history["val/skill"][2] = NAN
    write(tmp_path, made)
    rows = table(tmp_path, "history")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert float(rows[1]["train/class_loss"]) == made.history["train/class_loss"][1]
    assert rows[2]["val/skill"] == "nan"


def test_nothing_of_matplotlib_stays_changed_and_pyplot_is_not_used(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import matplotlib, test_report\n"
        "from pathlib import Path\n"
        "matplotlib.rcParams['font.size'] = 5\n"
        "keys = sorted(set(matplotlib.rcParams) - {'backend'})\n"  # to read the backend imports pyplot
        "def rules(): return [matplotlib.rcParams[key] for key in keys]\n"
        "before = rules()\n"
        "test_report.report.write(Path(sys.argv[2]), test_report.small())\n"
        "assert rules() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, Path(__file__).parent, tmp_path], check=True)


def test_users_style_does_not_reach_the_report(tmp_path):
    write(tmp_path / "plain", small())
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 3, "lines.linewidth": 9}):
        write(tmp_path / "styled", small())
    plain, styled = (sorted((tmp_path / kind / "figures").iterdir()) for kind in ("plain", "styled"))
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in styled]


def test_writing_again_replaces(tmp_path):
    write(tmp_path, small())
    page = write(tmp_path, small(title="second"))
    assert "second" in page.text
    assert figures(tmp_path) >= {"skill"}
    assert not any(name.endswith("_2") for name in figures(tmp_path))


def test_names_that_look_alike_as_files_overwrite_nothing(tmp_path):
    heads = {"a b": head("number", seed=1), "a_b": head("number", seed=2), "A b": head("number", seed=3)}
    page = write(tmp_path, record(heads, history={}, inputs={}))
    assert {"predicted_a_b", "predicted_a_b_2", "predicted_A_b_3"} <= figures(tmp_path)
    assert len(page.images) == len(figures(tmp_path))


def test_arrays_of_different_length_are_refused(tmp_path):
    heads = {"class": head("category", rows=39)}
    with pytest.raises(ValueError, match="image has 40 rows, head class has 39 test rows"):
        report.write(tmp_path, record(heads))


# Sections of other modules


def figure_of_one_line():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2])
    return figure


def test_other_modules_add_sections(tmp_path):
    buffer = BytesIO()
    figure_of_one_line().savefig(buffer, format="png")
    section = Section(
        "Insight",
        ["score < class & more", Markup("<em>kept</em>")],
        {
            "flow": figure_of_one_line(),
            "flow map": buffer.getvalue(),
            "skill": Drawing(figure_of_one_line(), "a caption", "words for it"),
        },
        {"flow": Table(["head", "share"], [["class", 0.123456]], "Flow.")},
    )
    page = write(tmp_path, small(sections=[section], phases={"train": 1.0}))
    assert "score &lt; class &amp; more" in page.text
    assert "<em>kept</em>" in page.text
    assert '<td class="number">0.1235</td>' in page.text
    assert table(tmp_path, "flow") == [{"head": "class", "share": "0.123456"}]
    assert (tmp_path / "figures/flow_map.png").read_bytes() == buffer.getvalue()
    assert {"flow", "skill", "skill_2"} <= figures(tmp_path)  # ours is called skill too
    assert "words for it" in [image["alt"] for image in page.images]
    titles = re.findall(r"<h2>(.*?)</h2>", page.text)
    assert titles == ["Result", "Model", "Learning", "Head class", "Insight", "Time", "Config"]


def test_tables_can_be_open_folded_or_files_alone(tmp_path):
    tables = {show: Table([f"column {show}"], [[1]], show=show) for show in ("open", "folded", "file")}
    page = write(tmp_path, small(sections=[Section("Mine", tables=tables)]))
    folded = "".join(re.findall(r"<details>.*?</details>", page.text, flags=re.S))
    assert "column open" in page.text
    assert "column open" not in folded
    assert "column folded" in folded
    assert "column file" not in page.text
    assert table(tmp_path, "file") == [{"column file": "1"}]


def test_bytes_that_are_no_picture_are_refused(tmp_path):
    with pytest.raises(ValueError, match="figure 'flow': the bytes are not a PNG"):
        report.write(tmp_path, small(sections=[Section("Insight", figures={"flow": b"<svg/>"})]))


# The model picture


@pytest.mark.parametrize(
    ("branches", "heads", "layers"), [(1, 1, 1), (3, 2, 8), (6, 8, 8), (1, 8, 3), (6, 1, 2)]
)
def test_model_picture_is_readable_at_any_size(drawing, branches, heads, layers):
    figure = picture.draw_model(parts(branches, [f"head_number_{n}" for n in range(heads)], layers)).figure
    assert_nothing_cut(figure)
    boxes = [text.get_window_extent() for text in texts(figure)]
    overlaps = [
        (a, b)
        for place, a in enumerate(boxes)
        for b in boxes[place + 1 :]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    assert overlaps == []
    assert figure.get_figwidth() <= 12.5
    assert min(text.get_fontsize() for text in texts(figure)) >= 7


def test_model_picture_names_layers_shapes_losses_weights_and_all_parameters(drawing):
    made = [
        Part("branch", "image", [("Conv2D 32", "16 x 16 x 32", 1320)]),
        Part("fusion", "gated", [("Gate", "64", 128)]),
        Part("head", "class", [("Dense 3", "3", 99)], "Focal", 0.25),
    ]
    drawn = picture.draw_model(made)
    seen = words(drawn.figure)
    for word in (
        "Conv2D 32",
        "16 x 16 x 32",
        "1,320 parameters",
        "branch image",
        "fusion gated",
        "head class",
    ):
        assert word in seen
    assert "Gate   ·   64   ·   128 parameters" in seen
    assert "Focal\nweight 0.25" in seen
    assert "1,547 parameters" in seen
    assert "1,547 parameters" in drawn.alt


def test_arrows_lead_from_layer_to_layer_through_the_fusion_to_every_loss(drawing):
    made = [*parts(2, ("a", "b", "c"), layers=4), Part("fusion", "dense", [("Dense", "64", 8)])]
    drawn = picture.draw_model(made).figure.findobj(Annotation)
    within_branches, into_fusion, between_fusions, to_heads, to_losses = 2 * 3, 2, 1, 3, 3
    assert len(drawn) == within_branches + into_fusion + between_fusions + to_heads + to_losses


def test_model_without_fusion_says_so(drawing):
    made = [part for part in parts() if part.group != "fusion"]
    assert "no fusion" in words(picture.draw_model(made).figure)


def test_middle_of_a_very_deep_branch_is_folded_but_counted(drawing):
    deep = Part("branch", "photo", [(f"Layer{n}", "8", 10) for n in range(100)])
    drawn = picture.draw_model([deep, *parts()[1:]])
    assert "… 88 layers …" in words(drawn.figure)
    assert "880 parameters" in words(drawn.figure)
    assert "Layer99" in words(drawn.figure)
    assert "Layer50" not in words(drawn.figure)
    assert "4,999 parameters" in words(drawn.figure)


# Learning


def test_curves_show_train_and_val_and_mark_the_kept_epoch(drawing):
    made = record()
    figure = learning.head_curves(made, "class").figure
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["loss", "accuracy", "f1", "auc", "skill"]
    for axes in figure.axes:
        by_label = {line.get_label(): line for line in axes.get_lines()}
        assert list(by_label["kept epoch 4"].get_xdata()) == [4, 4]
        assert ("train" in by_label) == (axes.get_title(loc="left") != "skill")
    loss = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert loss["val"] == made.history["val/class_loss"]
    assert loss["train"] == made.history["train/class_loss"]


def test_loss_of_a_constant_is_in_the_loss_panel(drawing):
    axes = learning.head_curves(record(), "score").figure.axes[0]
    assert any(set(line.get_ydata()) == {1.7} for line in axes.get_lines())
    assert axes.get_ylim()[1] > 1.7


def test_errors_of_a_number_carry_its_unit(drawing):
    titles = [axes.get_title(loc="left") for axes in learning.head_curves(record(), "score").figure.axes]
    assert titles == ["loss", "mae (strokes)", "rmse (strokes)", "r2", "skill"]


def test_heads_whose_names_begin_alike_keep_their_own_metrics(drawing):
    heads = {"a": head("number"), "a_b": head("category")}
    titles = [axes.get_title(loc="left") for axes in learning.head_curves(record(heads), "a").figure.axes]
    assert titles == ["loss", "mae (strokes)", "rmse (strokes)", "r2", "skill"]


def test_absent_epochs_leave_gaps_and_absent_metrics_no_panel(drawing):
    made = record()
    made.history["val/class_loss"] = [NAN, 0.5, NAN, float("inf"), 0.4]
    made.history["train/class_auc"] = made.history["val/class_auc"] = [NAN] * 5
    figure = learning.head_curves(made, "class").figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy", "f1", "skill"]
    curve = next(line for line in figure.axes[0].get_lines() if line.get_label() == "val")
    assert np.isnan(curve.get_ydata()).tolist() == [True, False, True, True, False]
    assert curve.get_marker() == "."


def test_run_without_any_value_has_no_curves(tmp_path):
    made = small()
    write(tmp_path, replace(made, history={metric: [NAN] * 5 for metric in history(made.heads)}))
    assert not {"curves", "curves_class", "share"} & figures(tmp_path)


def test_single_epoch_is_seen(drawing):
    heads = {"class": head("category")}
    made = record(heads, history=history(heads, epochs=1), best_epoch=1)
    figure = learning.combined_curves(made).figure
    assert all(line.get_marker() == "." for line in figure.axes[0].get_lines()[:2])
    assert [int(tick) for tick in figure.axes[0].get_xticks() if 0.5 < tick < 1.5] == [1]
    share = learning.shares(made).figure.axes[0].patches[0]
    assert share.get_extents().width > 100


def test_shares_are_stacked_to_the_whole(drawing):
    made = record()
    made.history["share/class"], made.history["share/score"] = [0.25] * 5, [0.75, 0.75, NAN, 0.75, 0.75]
    axes = learning.shares(made).figure.axes[0]
    first, second = axes.patches
    assert axes.get_ylim() == (0, 1)
    assert first.get_data().values.tolist() == [0.25] * 5
    assert second.get_data().baseline.tolist() == [0.25] * 5
    assert second.get_data().values.tolist() == [1, 1, 0.25, 1, 1]


def test_eight_heads_have_eight_colours(drawing):
    heads = {f"head_{place}": head("number") for place in range(8)}
    patches = learning.shares(record(heads)).figure.axes[0].patches
    assert len({patch.get_facecolor() for patch in patches}) == 8


def test_weights_are_drawn_only_when_they_change(drawing):
    made = record()
    assert learning.changing_weights(made) is None
    made.history["weight/score"] = [1, 2, 3, 2, 1]
    lines = learning.changing_weights(made).figure.axes[0].get_lines()
    assert [list(line.get_ydata()) for line in lines[:2]] == [[1] * 5, [1, 2, 3, 2, 1]]


def test_losses_that_fall_far_are_on_a_logarithmic_scale(drawing):
    made = record()
    made.history["train/loss"] = [1000, 100, 10, 1, 0.1]
    combined = learning.combined_curves(made).figure.axes
    assert combined[0].get_yscale() == "log"
    assert combined[1].get_yscale() == "linear"


def test_time_is_told_per_phase(drawing):
    section = learning.time_section({"load": 0.5, "train": 20.0})
    drawn = section.figures["time"]
    assert [bar.get_width() for bar in drawn.figure.axes[0].patches] == [0.5, 20]
    assert "20 s" in words(drawn.figure)
    assert drawn.caption == "20.5 seconds in all."
    assert_nothing_cut(drawn.figure)


# Results


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
    told = f"{len(missing)} of 40 test rows have no label for only." in page.text
    assert told == (len(missing) > 0)


@pytest.mark.parametrize("kind", ["category", "number", "binary", "labels"])
def test_nothing_is_cut_in_the_results_of_any_kind(drawing, kind):
    long = {"number": ["a very long name of a column with its unit in millimetres"]}.get(
        kind, [f"a very long name of class number {n}" for n in range(1 if kind == "binary" else 31)]
    )
    heads = {"a_rather_long_name_of_a_head": head(kind, names=long)}
    made = record(heads)
    drawn = {
        **results.result_drawings("a_rather_long_name_of_a_head", heads["a_rather_long_name_of_a_head"]),
        "skill": results.skills(heads),
        "curves": learning.head_curves(made, "a_rather_long_name_of_a_head"),
        "worst": examples.worst_drawing(made, "a_rather_long_name_of_a_head"),
    }
    for one in drawn.values():
        assert_nothing_cut(one.figure)


def test_skill_bars_tell_the_exact_number_and_stop_at_minus_one(drawing):
    heads = {"class": replace(head("category"), test=metrics() | {"skill": -7.25}, val={"skill": NAN})}
    drawn = results.skills(heads)
    axes = drawn.figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0, -1]
    assert "-7.25" in words(drawn.figure)
    assert axes.get_xlim()[0] == pytest.approx(-1.02)
    assert "class test -7.25" in drawn.alt


def test_confusion_counts_labelled_rows_only():
    made = replace(
        head("category"),
        labels=np.array([0, 0, 1, -1]),
        outputs=np.eye(3)[[0, 2, 1, 1]],
    )
    assert confusion.confusion_counts(made).tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_confused_pairs_are_ordered_by_rows():
    counts = np.array([[9, 1, 0], [3, 9, 0], [0, 2, 9]])
    assert confusion.confused_pairs(counts) == [(1, 0), (2, 1), (0, 1)]


def test_classes_are_scored_one_by_one(tmp_path):
    made = replace(head("category", rows=4), labels=np.array([0, 0, 1, -1]), outputs=np.eye(3)[[0, 1, 1, 1]])
    write(tmp_path, small(heads={"class": made}))
    other, tree, water = table(tmp_path, "classes_class")
    assert (other["rows"], other["recall"], other["precision"]) == ("2", "0.5", "1.0")
    assert (tree["class"], tree["recall"], tree["precision"]) == ("木", "1.0", "0.5")
    assert (water["rows"], water["recall"], water["f1"]) == ("0", "nan", "nan")
    assert table(tmp_path, "pairs_class") == [
        {"true": "other", "predicted": "木", "rows": "1", "share of the true class": "0.5"}
    ]


def test_31_classes_fit_one_grid_and_98_are_shown_in_part(drawing):
    whole = confusion.confusion_drawings("class", head("category", names=[f"c{n}" for n in range(31)]))
    assert list(whole) == ["confusion_class"]
    assert len(whole["confusion_class"].figure.axes[0].get_xticks()) == 31
    big = head("category", rows=300, names=[f"c{n}" for n in range(98)])
    part = confusion.confusion_drawings("class", big)
    assert list(part) == ["confusion_class", "confused_class"]
    assert len(part["confusion_class"].figure.axes[0].get_xticks()) == 26
    assert "26 of 98 classes" in part["confusion_class"].caption
    assert "taken for" in words(part["confused_class"].figure)
    for one in (*whole.values(), *part.values()):
        assert_nothing_cut(one.figure)


def test_part_of_the_grid_holds_the_classes_with_most_mistakes(drawing):
    labels = np.repeat(np.arange(50), 2)
    guesses = labels.copy()
    guesses[[90, 91]] = 3  # class 45 is taken for class 3
    made = replace(
        head("category", names=[f"c{n}" for n in range(50)]), labels=labels, outputs=np.eye(50)[guesses]
    )
    part = confusion.confusion_drawings("class", made)
    seen = words(part["confusion_class"].figure).split("\n")
    assert "c45" in seen
    assert "c3" in seen
    assert "c45 taken for c3" in words(part["confused_class"].figure)


def test_perfect_head_of_many_classes_has_no_confused_pairs(drawing):
    labels = np.arange(50)
    made = replace(head("category", names=[f"c{n}" for n in range(50)]), labels=labels, outputs=np.eye(50))
    assert list(confusion.confusion_drawings("class", made)) == ["confusion_class"]


def test_predictions_are_drawn_against_truth_in_their_unit(drawing):
    made = head("number", names=["mass (g)", "length (mm)"], missing=[5])
    axes = results.result_drawings("body", made)["predicted_body"].figure.axes
    assert [one.get_xlabel() for one in axes] == ["true mass (g)", "true length (mm)"]
    assert [one.get_ylabel() for one in axes] == ["predicted mass (g)", "predicted length (mm)"]
    points = axes[1].collections[0].get_offsets()
    assert len(points) == 39
    assert points[0].tolist() == [made.labels[0, 1], made.outputs[0, 1]]
    diagonal = axes[0].get_lines()[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == list(axes[0].get_xlim())


def test_very_many_points_are_counted_in_cells(drawing):
    figure = results.result_drawings("score", head("number", rows=5000))["predicted_score"].figure
    cells = figure.axes[0].collections[0]
    assert cells.get_array().sum() == 5000


def test_columns_beyond_twelve_are_left_out_in_words(drawing):
    drawn = results.result_drawings("score", head("number", names=[f"c{n}" for n in range(14)]))
    assert len(drawn["predicted_score"].figure.axes) == 12
    assert "The first 12 of 14 columns." in drawn["predicted_score"].caption


def test_rank_curves_agree_with_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(0)
    truth = (rng.random(200) < 0.3).astype(float)
    score = np.round(truth * 0.2 + rng.random(200), 1)  # rounded: many ties
    false, true, _ = results.rank_curve(truth, score)
    assert np.trapezoid(true, false) == pytest.approx(roc_auc_score(truth, score))
    assert results.average_precision(truth, score) == pytest.approx(average_precision_score(truth, score))


def test_average_precision_of_one_sided_labels():
    assert np.isnan(results.average_precision(np.zeros(3), np.ones(3)))
    assert results.average_precision(np.ones(3), np.ones(3)) == 1


def test_binary_head_with_one_value_only_says_what_it_needs(drawing):
    made = head("binary")
    made.labels[:] = 0
    assert "needs rows of both values" in words(results.result_drawings("late", made)["rank_late"].figure)


def test_labels_are_scored_one_by_one(tmp_path):
    made = replace(
        head("labels", rows=4),
        labels=np.array([[1, NAN], [0, 0], [1, 0], [NAN, 0]]),
        outputs=np.array([[0.9, 0.9], [0.6, 0.1], [0.2, 0.1], [0.9, 0.1]]),
    )
    write(tmp_path, small(heads={"tags": made}))
    first, second = table(tmp_path, "labels_tags")
    assert (first["rows"], first["positive"], first["f1"]) == ("3", "2", "0.5")
    assert float(first["ap"]) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (second["rows"], second["positive"], second["ap"]) == ("3", "0", "nan")


def test_of_many_labels_the_poorest_are_drawn(drawing):
    made = head("labels", names=[f"l{n}" for n in range(60)])
    made.outputs[:, 7] = 1 - made.labels[:, 7]
    drawn = results.result_drawings("tags", made)["labels_tags"]
    assert "The 40 of 60 labels with the lowest ap." in drawn.caption
    assert "l7" in words(drawn.figure).split("\n")
    assert len(drawn.figure.axes[0].patches) == 80


# The worst examples


def test_worst_rows_come_first_and_unlabelled_rows_never():
    made = replace(head("number", rows=5), row_loss=np.array([0.1, NAN, 3.0, np.inf, 2.0]))
    assert examples.worst(made).tolist() == [3, 2, 4, 0]
    assert len(examples.worst(head("number", rows=40))) == 12


def test_worst_table_names_row_truth_prediction_and_loss(tmp_path):
    made = replace(
        head("category", rows=2),
        labels=np.array([1, 2]),
        outputs=np.array([[0.1, 0.2, 0.7], [0.0, 0.1, 0.9]]),
        row_loss=np.array([1.5, 0.1]),
        rows=np.array([17, 4]),
    )
    write(tmp_path, small(heads={"class": made}))
    assert table(tmp_path, "worst_class") == [
        {"row": "17", "true": "木", "predicted": "氵 (0.70)", "loss": "1.5"},
        {"row": "4", "true": "氵", "predicted": "氵 (0.90)", "loss": "0.1"},
    ]


def draw_worst(inputs, kind="number", **changes):
    rows = len(next(iter(next(iter(inputs.values())).values.values())))
    made = record({"only": replace(head(kind, rows=rows), **changes)}, inputs=inputs)
    return examples.worst_drawing(made, "only")


def test_images_are_drawn_in_their_own_colours(drawing):
    gray, colour = images(12), images(12, channels=3)
    inputs = {
        "gray": InputExamples("image", {"gray": gray}),
        "colour": InputExamples("image", {"colour": colour}),
    }
    drawn = draw_worst(inputs, row_loss=np.arange(12.0)[::-1]).figure.axes[0].images
    assert len(drawn) == 24
    assert np.allclose(drawn[0].get_array(), gray[0, ..., 0] / 255)
    assert np.allclose(drawn[1].get_array(), colour[0] / 255)
    assert drawn[0].get_cmap().name == "gray"
    assert drawn[0].get_clim() == (0, 1)


def test_an_image_whose_neighbours_are_missing_is_drawn(drawing):
    lone = np.full((102, 4, 4, 1), NAN, dtype=np.float32)
    lone[101] = 0.5
    pixels = draw_worst({"image": InputExamples("image", {"image": lone})}, row_loss=np.arange(102.0))
    assert pixels.figure.axes[0].images[0].get_array()[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [(0, 1, 0, 1), (0, 0.5, 0, 0.5), (0, 255, 0, 1), (-2, 2, 0, 1), (0, 4000, 0, 1)],
)
def test_float_images_are_scaled_by_the_range_they_keep_to(drawing, low, high, first, last):
    ramp = np.linspace(low, high, 64, dtype=np.float32).reshape(1, 8, 8, 1).repeat(2, axis=0)
    pixels = (
        draw_worst({"image": InputExamples("image", {"image": ramp})}).figure.axes[0].images[0].get_array()
    )
    assert pixels[0, 0] == pytest.approx(first)
    assert pixels[-1, -1] == pytest.approx(last)


def test_wide_image_keeps_its_proportions(drawing):
    wide = np.zeros((1, 10, 30, 1), dtype=np.uint8)
    image = draw_worst({"image": InputExamples("image", {"image": wide})}).figure.axes[0].images[0]
    left, right, bottom, top = image.get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(3)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("image", np.full((2, 8, 8, 1), NAN, dtype=np.float32)),
        ("series", np.full((2, 5, 2), NAN, dtype=np.float32)),
        ("text", np.array(["", None], dtype=object)),
    ],
)
def test_missing_input_is_called_missing(drawing, kind, values):
    seen = words(draw_worst({"x": InputExamples(kind, {"x": values})}).figure)
    assert seen.split("\n").count("missing") == 2


def test_pen_path_is_drawn_from_the_top_down_with_lifts_apart(drawing):
    path = np.array(
        [[0.1, 0.1], [0.2, 0.1], [0.3, 0.1], [0.3, 0.9], [0.4, 0.9], [NAN, NAN]], dtype=np.float32
    )
    drawn = draw_worst({"pen": InputExamples("series", {"pen": path[None]})})
    lifted, written = drawn.figure.axes[0].collections
    assert len(lifted.get_segments()) == 1
    assert len(written.get_segments()) == 3
    first, last = written.get_segments()[0], written.get_segments()[-1]
    assert last[0][1] > first[0][1]  # the sheet's y grows downwards, as the pen's
    assert drawn.figure.axes[0].yaxis_inverted()
    assert "the path of the pen" in drawn.caption


@pytest.mark.parametrize("path", [[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]], [[0.5, NAN], [NAN, 0.5]]])
def test_shortest_pen_paths_are_drawn(drawing, path):
    draw_worst({"pen": InputExamples("series", {"pen": np.array([path, [[0.1, 0.1]] * len(path)])})})


@pytest.mark.parametrize("series", [np.full((2, 9, 2), 1.5), np.random.default_rng(0).random((2, 9, 3))])
def test_other_series_are_lines_over_steps(drawing, series):
    series[0, 6:] = NAN
    series[1, 2, 0] = NAN
    series[1, :, 1] = NAN
    drawn = draw_worst({"w": InputExamples("series", {"w": series})}, row_loss=np.array([2.0, 1.0]))
    lines = drawn.figure.axes[0].get_lines()
    assert len(lines) == 2 * series.shape[-1]
    assert len(lines[0].get_xdata()) == 6
    assert "6 steps" in words(drawn.figure)
    assert "lines over steps" in drawn.caption


def test_tables_vectors_and_texts_are_read(drawing):
    inputs = {
        "plane": InputExamples(
            "table",
            {"plane.seats": np.array([120.0, NAN]), "plane.carrier": np.array(["AA", None], dtype=object)},
        ),
        "stats": InputExamples("vector", {"stats": np.arange(40.0).reshape(2, 20)}),
        "title": InputExamples(
            "text", {"title": np.array(["a face with smiling eyes", "costs $5 or $6"], dtype=object)}
        ),
    }
    drawn = draw_worst(inputs)
    seen = words(drawn.figure).split("\n")
    assert {"seats 120", "carrier AA", "seats –", "carrier –"} <= set(seen)
    assert "0 20" in seen
    assert "… 12 more" in seen
    assert {"a face with smiling", "eyes"} <= set(seen)
    assert r"costs \$5 or \$6" in seen
    assert_nothing_cut(drawn.figure)


@pytest.mark.parametrize("inputs", [0, 1, 2, 3, 4, 6])
def test_any_number_of_inputs_fits_the_page(drawing, inputs):
    many = {f"input_{n}": InputExamples("image", {f"input_{n}": images()}) for n in range(inputs)}
    figure = examples.worst_drawing(record(inputs=many), "class").figure
    assert len(figure.axes[0].images) == 12 * inputs
    assert figure.get_figwidth() <= 10.8
    assert_nothing_cut(figure)


def test_of_many_columns_those_furthest_off_are_named(drawing):
    labels = np.zeros((3, 6))
    labels[1] = 10.0
    labels[0, 5] = NAN
    outputs = labels + np.array([0, 5, 1, 4, 3, 2.0])
    inputs = {"image": InputExamples("image", {"image": images(3)})}
    drawn = draw_worst(inputs, names=list("abcdef"), labels=labels, outputs=outputs)
    seen = words(drawn.figure).split("\n")
    assert "b 0 → 5" in seen
    assert "… 2 more" in seen
    assert not any(line.startswith("a ") for line in seen)


def test_labels_that_hold_are_listed_and_long_lists_are_cut_visibly(drawing):
    names = [f"label number {n}" for n in range(20)]
    drawn = draw_worst(
        {"image": InputExamples("image", {"image": images(2)})},
        kind="labels",
        names=names,
        labels=np.array([[0] * 20, [1] * 20]),
        outputs=np.array([[0.9] + [0.1] * 19] * 2),
    )
    seen = words(drawn.figure)
    assert "true none" in seen
    assert " …" in seen


# Text


@pytest.fixture
def poor_fonts(monkeypatch):
    """A machine that has no font but DejaVu Sans."""
    monkeypatch.setattr(style, "_FURTHER_FONTS", ())


def test_class_names_that_no_font_draws_are_numbered_and_explained(tmp_path, poor_fonts):
    page = write(tmp_path, small())
    assert "#1 木, #2 氵" in page.text
    with style.look(KANJI):
        seen = words(confusion.confusion_drawings("class", head("category"))["confusion_class"].figure)
    assert {"other", "#1", "#2"} <= set(seen.split("\n"))
    assert "木" not in seen


def test_texts_that_no_font_draws_raise_no_warning(tmp_path, poor_fonts):
    heads = {"部首": head("category", names=["a", "木"]), "画数": head("number", names=["画"])}
    inputs = {"名": InputExamples("text", {"名": np.array(["木の\u200d人"] * 40, dtype=object)})}
    page = write(tmp_path, small(heads=heads, inputs=inputs, history=history(heads), phases={"時間": 1.0}))
    assert "木の" in page.text
    assert {"curves_部首", "worst_画数"} <= figures(tmp_path)


def test_font_is_found_for_what_the_first_one_lacks():
    # cmr10 and DejaVu Sans both come with matplotlib; cmr10 has no Cyrillic.
    assert style.families(["abc"], ["DejaVu"], first="cmr10") == ["cmr10"]
    assert style.families(["ab ж"], ["No Such Font"], first="cmr10") == ["cmr10"]
    found = style.families(["ab ж"], ["DejaVu Sans"], first="cmr10")
    assert len(found) == 2
    with style.look([]), matplotlib.rc_context({"font.family": found}):
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0.5, style.clean("ab ж"))
        assert words(figure) == "ab ж"


def test_font_without_a_bold_face_is_used_without_a_word(caplog):
    with style.look(["ж"]):
        assert style.families(["ж"], ["cmr10"], first="cmsy10") == ["cmsy10"]
    assert caplog.messages == []
    assert logging.getLogger("matplotlib.font_manager").level == logging.NOTSET


def test_dollars_are_no_formula(drawing):
    names = ["$5 to $10", r"already \$ escaped", "plain"]
    figure = confusion.confusion_drawings("class", head("category", names=names))["confusion_class"].figure
    assert r"\$5 to \$10" in words(figure)
    assert style.clean(style.clean("$5")) == r"\$5"


def test_text_is_cut_and_joined_to_one_line(drawing):
    assert style.clean("two\n  words") == "two words"
    assert style.clean("abcdef", 4) == "abc…"
    assert style.clean("abcd", 4) == "abcd"


def test_long_names_break_before_capitals_and_no_line_is_too_wide(drawing):
    assert style.wrap("SparseCategoricalCrossentropy", 1.4, 8.5) == ["Sparse Categorical", "Crossentropy"]
    assert style.wrap("Dense", 1.4, 8.5) == ["Dense"]
    assert max(map(len, style.wrap("x" * 100, 1.4, 8.5))) <= 20


def test_numbers_are_short():
    values = [0.123456, 12345.678, 1234, True, NAN, 1e-7, "a", np.float32(0.5), np.int64(7)]
    shown = ["0.1235", "12,346", "1,234", "True", "–", "1e-07", "a", "0.5", "7"]
    assert [style.number(value) for value in values] == shown


@pytest.mark.slow
def test_page_of_six_inputs_and_eight_heads_stays_below_three_megabytes(tmp_path):
    kinds = ["category", "number", "binary", "labels"] * 2
    heads = {f"{kind}_{place}": head(kind, rows=300, seed=place) for place, kind in enumerate(kinds)}
    strokes = np.random.default_rng(0).random((300, 30, 2))
    inputs = {f"pen_{n}": InputExamples("series", {f"pen_{n}": strokes}) for n in range(3)}
    inputs |= {f"image_{n}": InputExamples("image", {f"image_{n}": images(300, 3)}) for n in range(3)}
    made = record(heads, inputs=inputs, parts=parts(6, tuple(heads), 8), history=history(heads, 30))
    write(tmp_path, made)
    assert (tmp_path / "report.html").stat().st_size < 3_000_000
