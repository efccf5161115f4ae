"""Learning curves, shares, weights and times: what is drawn is what the history holds."""

from dataclasses import replace

import numpy as np

from pipeline.report import learning
from tests.pages import assert_nothing_cut, words
from tests.report.sample import NAN, head, history, record


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


def test_the_loss_panel_shows_the_baseline(drawing):
    axes = learning.head_curves(record(), "score").figure.axes[0]
    assert any(set(line.get_ydata()) == {1.6} for line in axes.get_lines())
    assert axes.get_ylim()[1] > 1.6


def test_errors_of_a_number_head_name_its_unit(drawing):
    titles = [axes.get_title(loc="left") for axes in learning.head_curves(record(), "score").figure.axes]
    assert titles == ["loss", "mae (strokes)", "rmse (strokes)", "r2", "skill"]


def test_heads_whose_names_begin_alike_keep_their_own_metrics(drawing):
    heads = {"a": head("number"), "a_b": head("category")}
    titles = [axes.get_title(loc="left") for axes in learning.head_curves(record(heads), "a").figure.axes]
    assert titles == ["loss", "mae (strokes)", "rmse (strokes)", "r2", "skill"]


def test_missing_epochs_leave_gaps_and_missing_metrics_get_no_panel(drawing):
    made = record()
    made.history["val/class_loss"] = [NAN, 0.5, NAN, float("inf"), 0.4]
    made.history["train/class_auc"] = made.history["val/class_auc"] = [NAN] * 5
    figure = learning.head_curves(made, "class").figure
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy", "f1", "skill"]
    curve = next(line for line in figure.axes[0].get_lines() if line.get_label() == "val")
    assert np.isnan(curve.get_ydata()).tolist() == [True, False, True, True, False]
    assert curve.get_marker() == "."


def test_run_without_any_value_has_no_curves(drawing):
    run = record()
    empty = replace(run, history={metric: [NAN] * 5 for metric in run.history})
    assert learning.learning_section(empty).figures == {}
    assert learning.head_curves(empty, "class") is None


def test_the_full_history_is_a_table(drawing):
    run = record()
    run.history["val/skill"][2] = NAN
    table = learning.learning_section(run).tables["history"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[1]["train/class_loss"] == run.history["train/class_loss"][1]
    assert np.isnan(rows[2]["val/skill"])


def test_a_single_epoch_is_visible(drawing):
    heads = {"class": head("category"), "score": head("number")}
    made = record(heads, history=history(heads, epochs=1), best_epoch=1)
    figure = learning.combined_curves(made).figure
    assert all(line.get_marker() == "." for line in figure.axes[0].get_lines()[:2])
    assert [int(tick) for tick in figure.axes[0].get_xticks() if 0.5 < tick < 1.5] == [1]
    share = learning.shares(made).figure.axes[0].patches[0]
    assert share.get_extents().width > 100


def test_each_heads_own_best_epoch_and_what_it_lost_by_sharing():
    made = record()  # whose kept epoch is 4
    made.history.update({"val/class_loss": [5, 4, 3, 4, 5], "val/class_skill": [0.1, 0.2, 0.5, 0.25, 0.0]})
    table = learning.best_epochs(made)
    assert table.rows[0] == ["class", 3, 0.5, 0.25, 0.25]
    assert table.columns[3] == "in epoch 4, kept"
    alone = replace(made, heads={"class": made.heads["class"]})
    assert learning.best_epochs(alone).rows == []


def test_shares_add_up_to_one(drawing):
    made = record()
    made.history["share/class"], made.history["share/score"] = [0.25] * 5, [0.75, 0.75, NAN, 0.75, 0.75]
    axes = learning.shares(made).figure.axes[0]
    first, second = axes.patches
    assert axes.get_ylim() == (0, 1)
    assert first.get_data().values.tolist() == [0.25] * 5
    assert second.get_data().baseline.tolist() == [0.25] * 5
    assert second.get_data().values.tolist() == [1, 1, 0.25, 1, 1]


def test_the_share_of_a_single_head_is_not_drawn(drawing):
    assert learning.shares(record({"class": head("category")})) is None


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


def test_time_has_a_bar_per_phase(drawing):
    section = learning.time_section({"load": 0.5, "train": 20.0})
    drawn = section.figures["time"]
    assert [bar.get_width() for bar in drawn.figure.axes[0].patches] == [0.5, 20]
    assert "20 s" in words(drawn.figure)
    assert drawn.caption == ("20 s until this page was begun; time/total_s in MLflow includes the page too.")
    assert_nothing_cut(drawn.figure)


def test_of_many_heads_the_largest_shares_and_the_most_changed_weights_are_drawn(drawing, monkeypatch):
    monkeypatch.setattr(learning, "_MOST_HEADS", 3)
    heads = {f"h{number}": head("number") for number in range(6)}
    made = record(heads)
    shares = {f"share/h{number}": [(number + 1) / 21] * 5 for number in range(6)}
    weights = {f"weight/h{number}": [1.0, 1.0 + number, 1.0, 1.0, 1.0] for number in range(6)}
    made = replace(made, history={**made.history, **shares, **weights})
    drawn = learning.shares(made).figure
    assert all(word in words(drawn) for word in ("h4", "h5", "4 other heads"))
    assert "h3" not in words(drawn)
    drawn = learning.changing_weights(made)
    assert [line.name for line in drawn.chart.plots[0].lines] == ["h3", "h4", "h5"]
    assert "Only the 3 of 6 heads" in drawn.caption
