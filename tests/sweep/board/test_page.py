"""The board of grids and searches, finished and running."""

import re
import struct

import numpy as np
import pytest

from pipeline.metric_names import name_of, skill_of
from pipeline.sweep.board.page import write
from tests.pages import read_page, table
from tests.sweep.board.sample import OBJECTIVE, sweep, trial


def check_page(folder, text: list[str]) -> str:
    page = (folder / "sweep.html").read_text()
    for words in text:
        assert words in page, words
    assert "http://" not in page.partition("<script>\n")[0]
    for figure in (folder / "figures").iterdir():
        width, height = struct.unpack(">II", figure.read_bytes()[16:24])
        assert width > 300
        assert height > 100
    return page


def test_the_page_of_a_grid_is_complete(tmp_path, grid):
    bad = trial("class=9", {"loss_weights.class": "9"}, 0, 0, status="FAILED", reason="NotFiniteError: <nan>")
    write(tmp_path, sweep([*grid, bad], compare="https://localhost/#/compare-runs"))
    page = check_page(
        tmp_path,
        [
            "What to choose",
            "Front between the heads",
            "worse, beyond noise",
            "NotFiniteError: &lt;nan&gt;",
        ],
    )
    assert "18 finished, 1 failed" in page
    assert 'http-equiv="refresh"' not in page
    names = {figure.stem for figure in (tmp_path / "figures").iterdir()}
    assert names == {
        "front",
        "trials",
        "parallel",
        "time",
        *(f"effects_val_{x}" for x in ("skill", "class_skill", "score_skill")),
    }
    rows = (tmp_path / "tables" / "all_trials.csv").read_text().splitlines()
    assert len(rows) == 20
    assert "best/val_class_skill" in rows[0]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_page_can_be_drawn_at_any_time(tmp_path, grid, count):
    running = trial("class=7", {"loss_weights.class": "7"}, 0, 0, status="RUNNING", ended=None, metrics={})
    trials = [*grid[:count], running] if count else []
    write(tmp_path, sweep(trials, running=True))
    page = check_page(tmp_path, ["s</h1>", "updated while the sweep runs"])
    assert 'http-equiv="refresh"' in page


def test_the_page_of_a_search_shows_its_course_and_importances(tmp_path):
    rng = np.random.default_rng(0)
    trials = [
        trial(f"rate={i}", {"optimizer.learning_rate": repr(float(rng.uniform())), "optimizer": o}, a, 1 - a)
        for i, (a, o) in enumerate(zip(rng.uniform(size=12), ["adam", "sgd"] * 6, strict=True))
    ]
    objective = ["best/val_class_skill", "best/val_score_skill"]
    importances = {name: {"optimizer.learning_rate": 0.8, "optimizer": 0.2} for name in objective}
    write(tmp_path, sweep(trials, objective=objective, importances=importances))
    check_page(
        tmp_path, ["Knee between the objectives", "Parameter importances", "no configuration was repeated"]
    )


def test_heads_whose_names_begin_alike_keep_their_metrics_apart(tmp_path):
    metrics = {
        OBJECTIVE: 0.5,
        skill_of("a"): 0.1,
        skill_of("a_b"): 0.9,
        name_of("test", "a", "loss"): 1.0,
        name_of("test", "a_b", "accuracy"): 0.75,
    }
    write(tmp_path, sweep([trial("one", {"x": "1"}, 0, 0, metrics=metrics)]))
    assert table(tmp_path, "head_a") == [{"trial": "x=1", "skill (val)": "0.1", "loss (test)": "1.0"}]
    assert table(tmp_path, "head_a_b") == [{"trial": "x=1", "skill (val)": "0.9", "accuracy (test)": "0.75"}]


def test_rows_link_to_their_runs_and_heads_are_in_the_order_of_the_config(tmp_path, grid):
    addresses = {one.run_id: f"../../{n}/report.html" for n, one in enumerate(grid)}
    write(tmp_path, sweep(grid, order=["score", "class"], addresses=addresses))
    page = read_page(tmp_path, "sweep.html")
    assert set(addresses.values()) <= set(page.links)
    text = page.text.lower()
    assert text.index("best for head score") < text.index("best for head class")
    chosen = page.text.partition("What to choose</h2>")[2]
    assert "loss_weights.class=0.5 optimizer=adam" in chosen.partition("<code>")[0]


@pytest.mark.slow
def test_what_to_choose_shows_its_uncertainty_over_seeds(tmp_path, grid):
    write(tmp_path, sweep(grid))
    chosen = (tmp_path / "sweep.html").read_text().partition("What to choose</h2>")[2].partition("</p>")[0]
    assert re.search(
        r"class [\d.]+ ± [\d.]+, score [\d.]+ ± [\d.]+; mean of 3 seeds ± standard error", chosen
    )
    assert "2 of 5 others are within noise of it" in chosen
    write(tmp_path, sweep([one for one in grid if one.varied["seed"] == "0"]))
    chosen = (tmp_path / "sweep.html").read_text().partition("What to choose</h2>")[2].partition("</p>")[0]
    assert "one run, so its uncertainty is unknown" in chosen


@pytest.mark.slow
def test_two_objectives_are_columns_of_one_table(tmp_path, grid):
    names = ["best/val_class_skill", "best/val_score_skill"]
    write(tmp_path, sweep(grid, objective=names))
    columns = list(table(tmp_path, "trials")[0])
    assert columns[1:3] == ["loss_weights.class", "optimizer"]
    assert {"class skill (val)", "score skill (val)"} <= set(columns)


@pytest.mark.slow
def test_curves_of_all_trials_are_overlaid_and_parallel_coordinates_name_each_trial(tmp_path, grid):
    histories = {one.run_id: {"val/skill": [0.1, 0.2], "val/class_skill": [0.2, 0.3]} for one in grid[:5]}
    write(tmp_path, sweep(grid, histories=histories))
    _, parallel, curves = read_page(tmp_path, "sweep.html").charts
    assert [axis["title"] for axis in parallel[0]["axes"]] == [
        *("loss_weights.class", "optimizer", "class skill (val)", "score skill (val)", "skill (val)")
    ]
    assert parallel[0]["axes"][1]["words"] == ["adam", "sgd"]
    names = {f"{line['name']}" for line in parallel[0]["lines"]}
    assert len(names) == len(grid)
    assert "loss_weights.class=2 optimizer=sgd seed=1" in names
    assert {plot["title"]: len(plot["lines"]) for plot in curves} == {"mean of the heads": 5, "class": 5}
