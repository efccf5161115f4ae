"""What the inputs added to the worst rows' predictions, drawn."""

from dataclasses import replace

import numpy as np

from pipeline.page.style import look
from pipeline.report.record import HeadResult, InputExamples, Record, Why
from pipeline.report.why import why_drawing

ROWS = np.arange(5)


def record(inputs):
    head = HeadResult(
        *("category", ["a", "b"], "Loss", 1.0, 1.0, 1.0, {}, {}),
        labels=np.array([0, 1, 0, 1, -1]),
        outputs=np.full((5, 2), 0.5),
        row_loss=np.arange(5.0),
        rows=ROWS + 100,
    )
    return Record("t", [], [], "c", "", None, {}, 0, [], [], {"h": head}, inputs, {})


def test_each_kind_of_input_is_drawn_with_its_sum_and_missing_ones_say_so():
    rng = np.random.default_rng(0)
    image = rng.random((5, 4, 4, 3)).astype("float32")
    image[1] = np.nan
    inputs = {
        "image": InputExamples("image", {"image": image}),
        "pen": InputExamples("series", {"pen": rng.random((5, 9, 2))}),
        "lines": InputExamples("series", {"lines": rng.normal(size=(5, 9, 3)) * 9}),
        "text": InputExamples("text", {"text": np.array(["a b"] * 5, object)}),
        "table": InputExamples("table", {"table.x": ROWS * 1.0}),
    }
    parts = {
        "image": {"pixels": rng.normal(size=(2, 4, 4))},
        "pen": {"steps": rng.normal(size=(2, 9, 2))},
        "lines": {"steps": np.zeros((2, 9, 3))},
        "text": {"words": np.array([[0.25, 0.5, 0], [0, 0, 0]]), "letters": np.array([0.25, 0])},
        "table": {"table.x": np.array([0.125, 0])},
    }
    why = Why(ROWS[:2], ["a", "b"], np.ones(2), np.zeros(2), parts, {"text": [["good", "bad"], []]}, 0.004)
    with look([]):
        drawing = why_drawing(record(inputs), "h", why)
        drawing.figure.canvas.draw()
    axes = drawing.figure.axes
    titles = [one.get_title(loc="left") for one in axes]
    assert titles[0].startswith("row 100, a: 0 → 1 (true a)\nimage ")
    assert titles[3:5] == ["text 1", "table 0.125"]
    words = [text.get_text() for text in axes[3].texts]
    assert words == ["good", "bad", "groups of letters 0.25"]
    assert [text.get_text() for text in axes[5].texts] == ["missing"]
    assert "exact within 0.4 %" in drawing.caption


def test_a_class_that_no_font_can_draw_has_the_same_number_everywhere(poor_fonts):
    whole = record({"table": InputExamples("table", {"table.x": ROWS * 1.0})})
    named = replace(whole, heads={"h": replace(whole.heads["h"], names=["a", "木"])})
    parts = {"table": {"table.x": np.array([0.125, 0])}}
    why = Why(ROWS[:2], ["木", "a"], np.ones(2), np.zeros(2), parts, {}, 0.0)
    with look([]):
        axes = why_drawing(named, "h", why).figure.axes
    titles = [one.get_title(loc="left").partition("\n")[0] for one in axes]
    assert titles == ["row 100, #1: 0 → 1 (true a)", "row 101, a: 0 → 1 (true #1)"]
