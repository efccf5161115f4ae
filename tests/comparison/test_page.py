"""The comparison as a page and as text."""

import re
from dataclasses import replace

import pytest

from pipeline.comparison import page
from pipeline.comparison.verdicts import verdicts
from tests.browser import needs_browser, opened
from tests.comparison.sample import contender, predictions
from tests.pages import read_page, table


def test_the_page_and_the_text_say_the_same(tmp_path):
    runs = [contender("first", predictions()), contender("second", predictions(shift=0.2), optimizer="sgd")]
    by_split = {split: verdicts(runs, split) for split in ("test", "val")}
    page.write(tmp_path, runs, by_split, "python -m pipeline.compare first second")
    written, text = (tmp_path / page.PAGE).read_text(), page.text(runs, by_split["test"])
    for words in ("worse", "reference", "optimizer", "class"):
        assert words in written
        assert words in text
    assert {figure.name for figure in (tmp_path / "figures").iterdir()} == {
        f"{split}_{head}.png" for split in by_split for head in ("class", "score")
    }


def test_the_text_is_aligned_and_marks_the_reference():
    runs = [contender("first", predictions()), contender("second", predictions(shift=0.2), optimizer="sgd")]
    lines = page.text(runs, verdicts(runs, "test")).split("\n")
    assert lines[:4] == ["config values that differ", "           first  second", "optimizer         sgd", ""]
    header, reference, other = lines[4:7]
    assert reference.endswith("reference")
    assert other.endswith("worse")
    assert header.index("verdict") == reference.index("reference") == other.index("worse")


def test_equal_configs_are_said_to_be_the_same():
    runs = [contender("first", predictions()), contender("second", predictions(seed=1))]
    assert page.text(runs, []) == "the configs are the same"


def test_the_page_opens_with_who_wins_and_a_matrix_of_runs_and_heads(tmp_path):
    histories = {"val/skill": [0.1, 0.2], "val/class_skill": [0.1, 0.3]}
    first = replace(contender("first", predictions(shift=0.2)), history=histories, address="/runs/a b.html")
    runs = [first, replace(contender("second", predictions()), history=histories, address="https://h/#/r")]
    page.write(tmp_path / "out", runs, {"test": verdicts(runs, "test")}, "compare")
    written = read_page(tmp_path / "out", page.PAGE)
    assert "that all runs predicted, second wins class (accuracy" in written.text.partition("<pre")[0]
    assert 'class="number worse"' in written.text
    assert 'class="number best"' in written.text
    titles = re.findall(r"<h2>(.*?)</h2>", written.text)
    assert titles == ["Runs and heads", "Learning curves", "Configs", "Results on test rows"]
    file = next(link for link in written.links if link.endswith("a%20b.html"))
    assert not file.startswith("/")
    assert "https://h/#/r" in written.links
    plots = {plot["title"]: plot["lines"] for plot in written.charts[0]}
    assert list(plots) == ["mean of the heads", "class"]
    assert [line["name"] for line in plots["class"]] == ["first", "second"]
    (best,) = [row for row in table(tmp_path / "out", "runs") if row["run"] == "second"]
    assert 0.7 < float(best["class accuracy ↑"]) < 0.9


def test_many_runs_are_numbered_where_their_names_do_not_fit(tmp_path):
    runs = [contender(f"a long name {n}", predictions(seed=n), optimizer=str(n)) for n in range(12)]
    page.write(tmp_path, runs, {"test": verdicts(runs, "test")}, "compare")
    assert [row["run"][:14] for row in table(tmp_path, "runs")][:2] == ["1 a long name ", "2 a long name "]
    assert table(tmp_path, "configs")[1] == {"run": "2 a long name 1", "optimizer": "1"}


def test_keys_are_lines_where_more_of_them_differ_than_there_are_runs(tmp_path):
    params = [{f"key_{n}": str(place) for n in range(9)} for place in range(6)]
    runs = [contender(f"run {place}", predictions(seed=place), **one) for place, one in enumerate(params)]
    page.write(tmp_path, runs, {"test": verdicts(runs, "test")}, "compare")
    assert list(table(tmp_path, "configs")[0]) == ["key", *"123456"]


@pytest.mark.slow
@needs_browser
def test_twelve_runs_of_twelve_heads_fit_a_narrow_window(tmp_path):
    frame = predictions()
    for n in range(10):
        frame = frame.assign(
            **{f"amount_{n}_{word}": frame[f"score_{word}"] for word in ("label", "predicted", "loss")}
        )
    names = [f"loss_weights.class={n} optimizer=adam seed={n}" for n in range(12)]
    runs = [contender(name, frame, optimizer="rmsprop", seed=name[-1]) for name in names]
    page.write(tmp_path, runs, {"test": verdicts(runs, "test")}, "compare")
    script = "say([...document.querySelectorAll('.wide')].map((box) => box.scrollWidth - box.clientWidth))"
    shown = opened(tmp_path / page.PAGE, script, width=800)
    assert shown.console == []
    assert set(shown.said().split(",")) == {"0"}


def test_many_runs_are_lines_of_the_configs_that_differ():
    runs = [
        contender(f"run {n}", predictions(seed=n), **{"optimizer.learning_rate": str(n)}) for n in range(6)
    ]
    lines = page.text(runs, []).split("\n")
    assert lines[1].split() == ["optimizer.learning_rate"]
    assert [line.split()[-1] for line in lines[2:8]] == [*"012345"]
