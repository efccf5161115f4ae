"""The configurations to choose, and the commands that train them."""

import shlex

from pipeline.sweep.board.choice import choices, command
from pipeline.sweep.board.chosen import chosen_sections
from pipeline.sweep.board.groups import fold
from tests.sweep.board.sample import sweep, trial


def test_the_best_overall_the_best_of_each_head_and_the_knee_are_chosen(grid):
    chosen = {choice.why: choice for choice in choices(sweep(grid), fold(grid))}
    assert chosen["Best for head class"].group.name == "class=2 adam"
    assert chosen["Best for head score"].group.name == "class=0.5 adam"
    assert chosen["Knee between the heads"].group.name == "class=1 adam"
    assert "Best overall, by skill (val)" in chosen


def test_the_command_has_the_overrides_without_the_sweep_and_its_seeds(grid):
    group = fold(grid)[0]
    pasted = command(sweep(grid, options="--config-dir 'my conf'"), group)
    assert pasted == "python -m pipeline.train --config-dir 'my conf' loss_weights.class=0.5 optimizer=adam"
    odd = trial("x", {"seed": "3"}, 1, 1, overrides=shlex.join(["branches.image.filters=[8, 4]", "seed=3"]))
    assert shlex.split(command(sweep([odd]), fold([odd])[0]))[3:] == [
        "branches.image.filters=[8, 4]",
        "seed=3",
    ]


def test_one_config_that_is_best_in_every_way_is_described_once():
    trials = [trial("a", {"x": "1"}, 0.9, 0.9), trial("b", {"x": "2"}, 0.1, 0.2)]
    section = next(chosen_sections(sweep(trials), fold(trials)))
    (paragraph,) = section.paragraphs
    assert paragraph.startswith(
        "<strong>Best overall, by skill (val), best for head class, best for head score and knee between the "
        "heads</strong>: x=1 "
    )
