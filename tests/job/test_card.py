"""The model card says what is known, and what is not."""

import numpy as np

from pipeline.comparison.bootstrap import Interval
from pipeline.job.card import card, literal, with_slices
from pipeline.report.record import HeadResult, InputExamples, Record

NAN = float("nan")
LABELS = np.array([0, 1] * 50)
CONFIG = {
    "data": {
        "sources": {"birds": "birds.csv"},
        "inputs": {"x": {"kind": "vector", "column": "birds.x"}},
        "targets": {"kind": {"kind": "category", "column": "birds.kind"}},
        "split": {"fractions": [0.7, 0.15, 0.15]},
    }
}


def written(tmp_path, right=90, notice=None, **more):
    (tmp_path / "birds.csv").write_text("x")
    if notice:
        (tmp_path / "NOTICE").write_text(notice)
    loss = np.where(np.arange(100) < right, 0.1, 2.0)
    outputs = np.eye(3)[np.where(np.arange(100) < right, LABELS, 1 - LABELS)]
    test = {"loss": loss.mean(), "skill": 1 - loss.mean() / 0.7, "accuracy": right / 100, "auc": 0.9}
    head = HeadResult(
        *("category", ["owl", "gull", "rare"], "Loss", 1.0, 0.7, 0.7, test, {}),
        labels=LABELS,
        outputs=outputs,
        row_loss=loss,
        rows=np.arange(100),
    )
    facts = ["run 3f2a", "2026-11-28"]
    record = Record(
        *("birds: kind", facts, more.get("warnings", []), "python -m pipeline.train data=birds", "", None),
        *({}, 3, ["kept epoch 3"], [], {"kind": head}, {"x": InputExamples("vector", {})}, {}),
    )
    return card(record, CONFIG, {"x": ((2,), "float32")}, [tmp_path], more.get("intervals", {}))


def test_results_have_the_intervals_that_are_known(tmp_path):
    text = written(tmp_path)
    assert "| kind | accuracy | 0.9 | 0.84 … 0.95 |" in text
    assert "| kind | auc | 0.9 | not computed |" in text
    assert "| kind | skill | 0.5857 | 0." in text
    assert "not better than a constant" not in text


def test_results_have_the_intervals_of_all_metrics_that_have_one(tmp_path):
    of_head = {"auc": Interval(0.9, 0.85, 0.94), "accuracy": Interval(0.9, NAN, NAN)}
    text = written(tmp_path, intervals={"kind": of_head | {"skill": Interval(0.1, -0.2, 0.3)}})
    assert "| kind | auc | 0.9 | 0.85 … 0.94 |" in text
    assert "| kind | accuracy | 0.9 | not computed |" in text
    assert "- kind is not better than a constant beyond chance." in text


def test_slices_take_their_place_in_the_card(tmp_path):
    text = written(tmp_path)
    once = with_slices(text, "island=Dream is worse.")
    again = with_slices(once, "None is worse.")
    assert "## Slices\n\nisland=Dream is worse.\n\n## Limits\n" in once
    assert "## Slices\n\nNone is worse.\n\n## Limits\n" in again
    assert again.split("## Limits")[1] == text.split("## Limits")[1]
    assert with_slices("a card of somebody", "None.") == "a card of somebody"


def test_what_is_not_known_is_said(tmp_path):
    text = written(tmp_path)
    assert "Intended use: not known." in text
    assert "Not known: no file LICENSE" in text
    assert "Not measured by the training. `python -m pipeline.evaluate run=3f2a by=" in text


def test_the_licence_is_the_paragraph_on_the_file_beside_the_data(tmp_path):
    text = written(tmp_path, notice="All data.\n\nfish.csv\n  CC BY\n\nbirds.csv\n    CC0 1.0\n")
    assert "From `NOTICE` beside the data:\n\n> birds.csv\n> CC0 1.0\n" in text
    assert "fish" not in text


def test_limits_are_those_of_the_rows(tmp_path):
    text = written(tmp_path, right=60, warnings=["3 rows of test are in train"])
    for line in (
        "- 3 rows of test are in train.",
        "- There are only 100 test rows, so all results are rough.",
        "- kind is not better than a constant beyond chance.",
        "- kind has fewer than 10 test rows of 1 classes: rare.",
    ):
        assert line in text


def test_the_card_tells_how_to_load_the_model(tmp_path):
    text = written(tmp_path)
    assert 'mlflow.pyfunc.load_model("runs:/3f2a/model")' in text
    assert "- `x`: float32, rows x 2" in text


def test_names_of_a_stranger_are_shown_as_they_are_and_not_as_html_or_links():
    assert literal("<img src=x onerror=f()>") == r"\<img src=x onerror=f()\>"
    assert literal("[x](javascript:f())\n# big") == r"\[x\](javascript:f()) # big"
    assert literal("a|b `c` *d*") == r"a\|b \`c\` \*d\*"
    assert literal("body_mass") == "body_mass"
