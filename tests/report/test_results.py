"""Test results by kind of head: the numbers are exact and nothing is cut."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.report import examples, learning, numbers, results, yes_no
from tests.pages import assert_nothing_cut, words
from tests.report.sample import NAN, head, metrics, record


def test_the_headline_has_each_heads_metrics_and_its_baseline():
    tables = results.headlines({"class": head("category"), "score": head("number")})
    table = tables["heads"]
    by_head = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert by_head["class"]["accuracy"] == 0.8
    assert np.isnan(by_head["class"]["mae"])
    assert by_head["score"]["mae"] == 0.8
    assert by_head["score"]["baseline loss"] == 1.7
    assert by_head["score"]["skill"] == 0.7


def test_the_page_has_a_table_for_heads_of_the_same_metrics_skill_first_and_no_empty_cell():
    tables = results.headlines({"a": head("category"), "b": head("number"), "c": head("category")})
    shown = {name: table for name, table in tables.items() if table.show == "open"}
    assert [[row[0] for row in table.rows] for table in shown.values()] == [["a", "c"], ["b"]]
    for table in shown.values():
        assert table.columns[:4] == ["head", "skill", "loss", "baseline loss"]
        assert not any(cell != cell for row in table.rows for cell in row)
    assert tables["heads"].show == "file"
    assert [bool(table.caption) for table in shown.values()] == [False, True]
    (single,) = results.headlines({"a": head("category")}).items()
    assert (single[0], single[1].show) == ("heads", "open")


def test_sets_and_intervals_are_in_their_own_section_and_in_the_csv():
    sets = {"loss": 0.5, "skill": 0.5, "accuracy": 0.8, "coverage": 0.9, "set_size": 1.5}
    bands = {"loss": 0.5, "skill": 0.5, "coverage": 0.8, "interval_coverage": 0.9, "interval_width": 7.0}
    heads = {"a": replace(head("category"), test=sets), "b": replace(head("number"), test=bands)}
    tables = results.headlines(heads)
    assert tables["heads_1"].columns == ["head", "skill", "loss", "baseline loss", "accuracy", "weight"]
    assert tables["heads_2"].columns[4:-1] == ["coverage"]  # that of the quantiles
    assert {"set_size", "interval_width"} <= {*tables["heads"].columns}
    assert tables["heads"].show == "file"


def test_scores_hold_both_splits():
    made = replace(head("category"), val=metrics(accuracy=0.25), test=metrics(accuracy=0.8))
    rows = results.all_scores({"class": made}).rows
    assert ["class", "val", "accuracy", 0.25] in rows
    assert ["class", "test", "accuracy", 0.8] in rows
    assert len(rows) == 6


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


def test_skill_bars_show_the_exact_number_and_stop_at_minus_one(drawing):
    heads = {"class": replace(head("category"), test=metrics() | {"skill": -7.25}, val={"skill": NAN})}
    drawn = results.skills(heads)
    axes = drawn.figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0, -1]
    assert "-7.25" in words(drawn.figure)
    assert axes.get_xlim()[0] == pytest.approx(-1.02)
    assert "class test -7.25" in drawn.alt


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


def test_very_many_points_are_drawn_as_a_density(drawing):
    figure = results.result_drawings("score", head("number", rows=5000))["predicted_score"].figure
    cells = figure.axes[0].collections[0]
    assert cells.get_array().sum() == 5000


def test_the_caption_says_that_columns_beyond_twelve_are_left_out(drawing):
    drawn = results.result_drawings("score", head("number", names=[f"c{n}" for n in range(14)]))
    assert len(drawn["predicted_score"].figure.axes) == 12
    assert "Only the first 12 of 14 columns are drawn." in drawn["predicted_score"].caption


def test_rank_curves_agree_with_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(0)
    truth = (rng.random(200) < 0.3).astype(float)
    score = np.round(truth * 0.2 + rng.random(200), 1)  # rounded: many ties
    false, true, _ = yes_no.rank_curve(truth, score)
    assert np.trapezoid(true, false) == pytest.approx(roc_auc_score(truth, score))
    assert yes_no.average_precision(truth, score) == pytest.approx(average_precision_score(truth, score))


def test_average_precision_when_all_labels_are_equal():
    assert np.isnan(yes_no.average_precision(np.zeros(3), np.ones(3)))
    assert yes_no.average_precision(np.ones(3), np.ones(3)) == 1


def test_a_binary_head_whose_labels_are_all_equal_says_what_it_needs(drawing):
    made = head("binary")
    made.labels[:] = 0
    assert "needs positive and negative rows" in words(
        results.result_drawings("late", made)["rank_late"].figure
    )


def test_every_label_has_its_own_scores():
    made = replace(
        head("labels", rows=4),
        labels=np.array([[1, NAN], [0, 0], [1, 0], [NAN, 0]]),
        outputs=np.array([[0.9, 0.9], [0.6, 0.1], [0.2, 0.1], [0.9, 0.1]]),
    )
    table = results.result_tables("tags", made)["labels_tags"]
    assert table.columns == ["label", "rows", "positive", "f1", "ap"]
    first, second = table.rows
    assert first == ["a", 3, 2, 0.5, pytest.approx(0.5 * 1 + 0.5 * 2 / 3)]
    assert second[:3] == ["b", 3, 0]
    assert np.isnan(second[4])


def test_of_many_labels_those_with_the_lowest_scores_are_drawn(drawing):
    made = head("labels", names=[f"l{n}" for n in range(60)])
    made.outputs[:, 7] = 1 - made.labels[:, 7]
    drawn = results.result_drawings("tags", made)["labels_tags"]
    assert "Only the 40 of 60 labels with the lowest ap are drawn." in drawn.caption
    assert "l7" in words(drawn.figure).split("\n")
    assert len(drawn.figure.axes[0].patches) == 80


def test_a_quantile_head_shows_its_intervals_and_how_often_they_hold_the_label(drawing):
    labels = np.arange(10.0)[:, None]
    bands = np.stack([labels - 1, labels, labels + np.where(labels < 8, 1, -0.5)], axis=2)
    made = replace(head("number", rows=10), labels=labels, outputs=labels, bands=bands)
    made = replace(made, quantiles=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(numbers.observed_shares(made), [[0, 1, 0.8]])
    drawn = results.result_drawings("price", made)["predicted_price"]
    scatter, coverage = drawn.chart.plots
    assert scatter.lines[0].bars[0] == (-1.0, 1.0)
    assert coverage.title == "80 % interval holds 80 %"
    assert [mark.name for mark in coverage.marks] == ["nominal"]
    assert_nothing_cut(drawn.figure)


def test_thresholds_have_the_precision_and_recall_of_scikit_learn():
    from sklearn.metrics import f1_score, precision_score, recall_score

    made = head("binary", rows=100)
    truth, score = made.labels[:, 0], made.outputs[:, 0]
    rows = {row[0]: row[1:] for row in results.result_tables("late", made)["thresholds_late"].rows}
    assert len(rows) == 19
    chosen = score >= 0.35
    scores = [measure(truth, chosen) for measure in (precision_score, recall_score, f1_score)]
    np.testing.assert_allclose(rows[0.35], [chosen.sum(), *scores])


def test_the_page_has_a_part_of_very_many_points_and_says_so(drawing):
    drawn = results.result_drawings("score", head("number", rows=5000))["predicted_score"]
    (line,) = drawn.chart.plots[0].lines
    assert len(line.y) == 1500
    assert "This page has 1,500 of the points, drawn at random" in drawn.caption
