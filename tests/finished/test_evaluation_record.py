"""What is kept of an evaluation: each head has its own numbers, on the page and on the terminal."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.comparison.bootstrap import Interval
from pipeline.finished.evaluation import Evaluation
from pipeline.finished.evaluation_record import PAGE, _head_result, text, write_page
from pipeline.training.epoch import Epoch
from pipeline.training.measure import Reference
from tests.pages import figures, read_page, table

NAN = float("nan")
ROWS = 12
FINISHED = SimpleNamespace(inputs={}, specs={})
RUN = SimpleNamespace(run_id="3f2a", name="a run", url=lambda: None)


def evaluation(errors):
    """Number heads that are off by a constant: head -> error."""
    rows = np.arange(ROWS)
    truth = rows[:, None].astype(float)
    references = {head: Reference("number", truth, ["mae"], [], 10.0) for head in errors}
    outputs = {head: truth + error for head, error in errors.items()}
    epoch = Epoch(
        {head: error**2 for head, error in errors.items()}, 0.0, {}, {}, outputs, outputs, rows, 0.0
    )
    return Evaluation(
        rows=SimpleNamespace(rows=rows, raw={}, labels={}),
        references=references,
        epoch=epoch,
        row_losses={head: np.full(ROWS, error**2) for head, error in errors.items()},
        row_baseline_losses={head: np.full(ROWS, 10.0) for head in errors},
        heads={head: SimpleNamespace(loss=object(), point=lambda outputs: outputs) for head in errors},
        targets={head: SimpleNamespace(names=["value"]) for head in errors},
    )


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
