"""The board's figures show the numbers of the trials."""

import numpy as np

from pipeline.metric_names import skill_of
from pipeline.sweep.board import figures
from pipeline.sweep.board.effects import effects
from pipeline.sweep.board.groups import fold, noise, ranked
from tests.pages import words
from tests.sweep.board.sample import OBJECTIVE, sweep, trial

HEADS = [skill_of("class"), skill_of("score")]


def test_the_ranking_has_a_dot_per_trial_and_the_best_group_on_top(grid):
    groups = ranked(fold(grid), OBJECTIVE)
    drawing = figures.rankings(groups, {OBJECTIVE: noise(groups, OBJECTIVE)})
    (axes,) = drawing.figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [group.label for group in groups]
    assert groups[0].label == "loss_weights.class=0.5 optimizer=adam"
    dots = axes.get_lines()[0]
    assert list(dots.get_xdata()) == list(groups[0].values(OBJECTIVE))
    assert axes.yaxis_inverted()
    assert "within noise of the best" in drawing.caption


def test_the_ranking_without_repeats_marks_no_noise(grid):
    groups = ranked(fold([one for one in grid if one.varied["seed"] == "0"]), OBJECTIVE)
    assert "noise" not in figures.rankings(groups, {OBJECTIVE: noise(groups, OBJECTIVE)}).caption


def test_two_objectives_stand_side_by_side_in_one_order(grid):
    groups = ranked(fold(grid), HEADS[0])
    spreads = {metric: noise(groups, metric) for metric in HEADS}
    left, right = figures.rankings(groups, spreads).figure.axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("class skill (val)", "score skill (val)")
    for axes, metric in ((left, HEADS[0]), (right, HEADS[1])):
        assert list(axes.get_lines()[0].get_xdata()) == list(groups[0].values(metric))


def test_the_front_of_two_heads_is_a_line_through_its_groups(grid):
    groups = fold(grid)
    values = np.array([[group.mean(metric) for metric in HEADS] for group in groups])
    drawing = figures.front_drawing(groups, HEADS, values)
    (axes,) = drawing.figure.axes
    notes = [note for line in drawing.chart.plots[0].lines for note in line.notes]
    assert sorted(notes) == sorted(group.label for group in groups)
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert len(lines["trials"].get_xdata()) == 6
    assert len(lines["front"].get_xdata()) == 3
    assert len(lines["knee"].get_xdata()) == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("class skill (val)", "score skill (val)")


def test_effects_have_a_panel_each_on_one_scale(grid):
    drawing = figures.effect_drawing(effects(grid, OBJECTIVE), OBJECTIVE)
    panels = drawing.figure.axes
    assert [axes.get_title() for axes in panels] == ["optimizer", "loss_weights.class"]
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert "dots are trials, without the effects of the other parameters" in drawing.caption


def test_a_search_shows_every_trial_and_the_best_so_far():
    skills = [0.3, 0.5, 0.4]
    trials = [trial(f"x={i}", {"x": str(i)}, skill, skill) for i, skill in enumerate(skills)]
    (axes,) = figures.search_drawing(trials, [OBJECTIVE]).figure.axes
    dots, best = axes.get_lines()
    assert list(dots.get_ydata()) == skills
    assert list(best.get_ydata()) == [0.3, 0.5, 0.5]


def test_importances_are_bars_with_their_numbers():
    drawing = figures.importance_drawing(sweep([], importances={OBJECTIVE: {"rate": 0.8, "optimizer": 0.2}}))
    (axes,) = drawing.figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.8, 0.2]
    assert "How much an objective depends on each parameter" in drawing.caption
    assert {"0.80", "0.20", "rate", "optimizer"} <= set(words(drawing.figure).split("\n"))


def test_every_process_has_a_line_of_its_trials():
    trials = [
        trial("a", {"x": "1"}, 1, 1, started=1000, ended=3000),
        trial("b", {"x": "2"}, 1, 1, started=2000, ended=None, status="RUNNING", process="host:2:1"),
    ]
    (axes,) = figures.time_drawing(trials, now=6000).figure.axes
    spans = [(bar.get_x(), bar.get_width()) for bar in axes.patches if bar.get_width()]
    assert spans == [(0, 2), (1, 4)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["host:1", "host:2"]
