"""Scores of rows: their means are the metrics, and rows of different runs are matched by number."""

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.scores import aligned, heads_of, row_scores, score_columns
from pipeline.errors import ConfigError
from tests.comparison.sample import predictions


def test_the_mean_scores_of_rows_are_the_metrics():
    frame = predictions()
    of_class, of_score = row_scores(frame, "class"), row_scores(frame, "score")
    assert of_class["accuracy"].mean() == pytest.approx((frame.class_label == frame.class_predicted).mean())
    assert of_score["mae"].mean() == pytest.approx((frame.score_label - frame.score_predicted).abs().mean())
    assert of_class["loss"].tolist() == frame.class_loss.tolist()
    frame.loc[0, "class_label"] = None
    assert np.isnan(row_scores(frame, "class")["accuracy"][0])


@pytest.mark.parametrize(
    "late",
    [
        {"late_predicted": [1, 1, 0], "late_probability": [0.9, 0.8, 0.1]},
        {"late_predicted": [0.9, 0.8, 0.1]},  # as runs of version 0.1 have it
    ],
)
def test_binary_heads_and_several_columns_have_scores(late):
    frame = pd.DataFrame(
        {
            "late_label": [1.0, 0.0, np.nan],
            **late,
            "late_loss": [0.1, 1.0, np.nan],
            "both_label": [[1.0, 2.0], [3.0, np.nan], [0.0, 0.0]],
            "both_predicted": [[2.0, 4.0], [4.0, 0.0], [5.0, 5.0]],
            "both_loss": 1.0,
        }
    )
    np.testing.assert_equal(row_scores(frame, "late")["accuracy"], [1, 0, np.nan])
    np.testing.assert_allclose(row_scores(frame, "both")["mae"], [1.5, 1, 5])


def test_rows_are_matched_by_number_in_any_order():
    frame = predictions()
    other = frame.sample(frac=0.5, random_state=0)
    one, two = aligned({"a": frame, "b": other}).values()
    assert len(one) == len(two) == 200
    assert one.index.tolist() == two.index.tolist()
    loss = score_columns([one, two], "class")["loss"]
    np.testing.assert_allclose(loss[:, 0], loss[:, 1])


def test_runs_on_different_data_are_refused():
    frame = predictions()
    with pytest.raises(ConfigError, match="only 0 rows were predicted by all"):
        aligned({"a": frame, "b": frame.assign(row=frame.row + 1)})
    with pytest.raises(ConfigError, match="different labels of score"):
        aligned({"a": frame, "b": frame.assign(score_label=frame.score_label + 1)})


def test_heads_whose_names_begin_alike_keep_their_scores_apart():
    values = {"a_label": 1.0, "a_predicted": 1.5, "a_loss": 0.25}
    frame = pd.DataFrame([values | {"a_b_label": 1.0, "a_b_predicted": 3.0, "a_b_loss": 4.0}])
    assert heads_of(frame) == ["a", "a_b"]
    assert row_scores(frame, "a")["loss"].tolist() == [0.25]
    assert row_scores(frame, "a_b")["loss"].tolist() == [4.0]


def test_a_run_without_the_head_has_no_scores():
    frame = predictions()
    without = frame.drop(columns=[name for name in frame if name.startswith("score")])
    columns = score_columns([frame, without], "score")
    assert columns.keys() == {"loss", "mae"}
    assert not np.isnan(columns["loss"][:, 0]).any()
    assert np.isnan(columns["loss"][:, 1]).all()


@pytest.mark.parametrize("label", ["class", "score", "shares"])
def test_a_first_row_without_a_label_is_a_row_like_any_other(label):
    frame = predictions()
    frame["shares_label"] = [[0.2, 0.8]] * len(frame)
    frame["shares_predicted"], frame["shares_loss"] = frame.class_predicted, 1.0
    frame["shares_probability"], frame["shares_probabilities"] = 0.5, [[0.5, 0.5]] * len(frame)
    frame[f"{label}_label"] = frame[f"{label}_label"].astype(object)
    frame.at[0, f"{label}_label"] = None
    kept = aligned({"a": frame, "b": frame.copy()})
    assert len(kept["a"]) == len(frame)
    assert score_columns(list(kept.values()), label)["loss"].shape == (len(frame), 2)
    changed = frame.copy()
    changed.at[0, f"{label}_label"] = frame.at[1, f"{label}_label"]
    with pytest.raises(ConfigError, match=f"different labels of {label}"):
        aligned({"a": frame, "b": changed})


def test_labels_that_differ_by_rounding_or_in_their_type_are_the_same():
    frame = predictions()
    aligned({"a": frame, "b": frame.assign(score_label=frame.score_label.astype("float32"))})
    codes = frame.assign(class_label=[1, "b"] * 200)
    aligned({"a": codes, "b": codes.assign(class_label=["1", "b"] * 200)})


def test_runs_that_share_less_than_half_of_their_rows_are_refused():
    frame = predictions()
    assert len(aligned({"a": frame[:200], "b": frame[100:300]})["a"]) == 100
    with pytest.raises(ConfigError, match="only 99 rows were predicted by all") as caught:
        aligned({"a": frame[:200], "b": frame[101:301]})
    assert "a: 200 rows, b: 200 rows" in str(caught.value)
