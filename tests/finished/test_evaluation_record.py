"""What is kept of an evaluation: each head has its own numbers, on the page and on the terminal."""

from types import SimpleNamespace

import pytest

from pipeline.comparison.bootstrap import Interval
from pipeline.finished.evaluation_record import PAGE, _head_result, text, write_page
from tests.finished.sample import evaluation
from tests.pages import figures, read_page, table

NAN = float("nan")
FINISHED = SimpleNamespace(inputs={}, specs={})
RUN = SimpleNamespace(run_id="3f2a", name="a run", url=lambda: None)


def test_heads_whose_names_begin_alike_keep_their_metrics_apart(tmp_path):
    measured = evaluation({"a": 1.0, "a_b": 2.0})
    write_page(tmp_path, RUN, FINISHED, measured, measured.intervals(0), "more", "command")
    values = {row["metric"]: float(row["value"]) for row in table(tmp_path, "intervals")}
    assert values == pytest.approx(
        {
            "a_loss": 1,
            "a_mae": 1,
            "a_skill": 0.9,
            "a_b_loss": 4,
            "a_b_mae": 2,
            "a_b_skill": 0.6,
            "skill": 0.75,
        }
    )
    assert figures(tmp_path) == {"predicted_a", "worst_a", "predicted_a_b", "worst_a_b"}
    assert "Head a_b" in read_page(tmp_path, PAGE).text
    assert _head_result("a", measured).test == pytest.approx({"loss": 1, "mae": 1, "skill": 0.9})


def test_the_text_has_a_line_per_number_with_its_interval():
    intervals = {"class_loss": Interval(0.4591, 0.43, 0.5), "rows": Interval(12345.0, NAN, NAN)}
    assert text(intervals, 400).split("\n") == [
        "            400 rows  95 %",
        "class_loss    0.4591  0.43 … 0.5",
        "rows          12,345",
    ]
