"""A sweep's board: what it says of trials whose numbers are known."""

import shlex
import struct

import numpy as np
import pytest

from pipeline.metric_names import short, sign
from pipeline.sweep.board.choice import choices, command
from pipeline.sweep.board.effects import effects
from pipeline.sweep.board.front import front, knee
from pipeline.sweep.board.groups import fold, noise, ranked, verdict
from pipeline.sweep.board.page import write
from pipeline.sweep.trials import Sweep, Trial

OBJECTIVE = "best/val_skill"


def trial(name: str, varied: dict, class_skill: float, score_skill: float, **more: object) -> Trial:
    metrics = {
        OBJECTIVE: (class_skill + score_skill) / 2,
        "best/val_class_skill": class_skill,
        "best/val_score_skill": score_skill,
        "test/class_accuracy": class_skill,
        "test/score_skill": score_skill,
    }
    overrides = [f"{key}={value}" for key, value in varied.items()]
    fields = {
        "run_id": f"id-{name}",
        "name": name,
        "key": name,
        "status": "FINISHED",
        "reason": "",
        "varied": varied,
        "overrides": shlex.join([*overrides, "sweep.name=s"]),
        "metrics": metrics,
        "started": 1000,
        "ended": 5000,
        "process": "host:1:1",
    }
    return Trial(**(fields | more))


@pytest.fixture
def grid() -> list[Trial]:
    """Three weights x two optimizers x three seeds: weight moves class, adam adds 0.1, seeds 0.01."""
    trials = []
    for weight in (0.5, 1, 2):
        for optimizer in ("adam", "sgd"):
            for seed in (0, 1, 2):
                varied = {"loss_weights.class": str(weight), "optimizer": optimizer, "seed": str(seed)}
                # Neither the seeds nor the leftovers change any mean over seeds.
                leftover = 0.001 * ((seed + 2 * weight + (optimizer == "adam")) % 3 - 1)
                bonus = 0.1 * (optimizer == "adam") + 0.01 * (seed - 1) + leftover
                name = f"class={weight} {optimizer} seed={seed}"
                trials.append(trial(name, varied, 0.5 + 0.1 * weight + bonus, 0.8 - 0.1 * weight + bonus))
    return trials


def sweep(trials: list[Trial], **more: object) -> Sweep:
    return Sweep(
        **({"title": "s", "objective": [OBJECTIVE], "trials": trials, "planned": 18, "command": "c"} | more)
    )


def test_seeds_are_folded_into_one(grid):
    groups = fold(grid)
    assert len(groups) == 6
    assert groups[0].name == "class=0.5 adam"
    assert "seed" not in groups[0].varied
    assert groups[0].mean(OBJECTIVE) == pytest.approx(0.75)
    assert (
        fold([trial("seed=0", {"seed": "0"}, 1, 1), trial("seed=1", {"seed": "1"}, 1, 1)])[0].name
        == "all seeds"
    )


def test_noise_is_what_the_seeds_move(grid):
    spread = noise(fold(grid), OBJECTIVE)
    values = np.array([[t.metrics[OBJECTIVE] for t in group.trials] for group in fold(grid)])
    assert spread.deviation == pytest.approx(np.sqrt(values.var(axis=1, ddof=1).mean()))
    assert spread.freedom == 12
    # What a seed does to all alike is not between them.
    assert spread.between < 0.2 * spread.deviation
    assert spread.between_freedom == 10
    assert spread.error(3) == pytest.approx(spread.deviation / np.sqrt(3))


def test_the_margin_is_tukeys(grid):
    from scipy.stats import tukey_hsd

    rng = np.random.default_rng(0)
    samples = rng.normal(size=(4, 5))
    # Every trial has a seed of its own: nothing is shared.
    trials = [
        trial(f"x={i} seed={5 * i + j}", {"x": str(i), "seed": str(5 * i + j)}, value, value)
        for i, row in enumerate(samples)
        for j, value in enumerate(row)
    ]
    spread = noise(fold(trials), OBJECTIVE)
    interval = tukey_hsd(*samples).confidence_interval(0.95)
    assert spread.margin(5, 5) == pytest.approx((interval.high[0, 1] - interval.low[0, 1]) / 2, rel=1e-4)


def test_a_difference_within_noise_is_called_so_and_a_large_one_is_not(grid):
    groups = ranked(fold(grid), OBJECTIVE)
    spread = noise(groups, OBJECTIVE)
    words = {group.name: verdict(groups[0], group, OBJECTIVE, spread) for group in groups}
    assert list(words.values()).count("best") == 1
    assert {words[f"class={w} sgd"] for w in (0.5, 1, 2)} == {"worse, beyond noise"}
    close = [word for name, word in words.items() if "adam" in name and word != "best"]
    assert close == ["within noise of the best"] * 2


def test_without_repeats_nothing_is_said_to_be_beyond_noise(grid):
    groups = fold([one for one in grid if one.varied["seed"] == "0"])
    spread = noise(groups, OBJECTIVE)
    assert np.isnan(spread.margin(1, 1))
    assert verdict(groups[0], groups[1], OBJECTIVE, spread) == "one seed: not known"


def test_ranking_turns_round_for_losses():
    groups = fold([trial("a", {"x": "1"}, 0.1, 0.1), trial("b", {"x": "2"}, 0.3, 0.3)])
    assert [group.name for group in ranked(groups, OBJECTIVE)] == ["b", "a"]
    assert (sign("best/val_class_loss"), sign("best/val_score_mae"), sign(OBJECTIVE)) == (-1, -1, 1)


def test_the_front_holds_what_no_other_beats():
    points = np.array([[1, 0], [0, 1], [0.5, 0.5], [0.4, 0.4], [0.9, np.nan], [1, 0]], float)
    kept = front(points)
    assert set(kept) == {0, 1, 2, 5}
    assert points[kept][:, 0].tolist() == sorted(points[kept][:, 0])


def test_the_knee_is_where_both_are_nearly_best_whatever_their_units():
    points = np.array([[0, 1], [0.9, 0.9], [1, 0]])
    assert knee(points, front(points)) == 1
    stretched = points * [1, 1000]
    assert knee(stretched, front(stretched)) == 1
    assert knee(points[:1], [0]) == 0


def test_effects_are_found_with_the_others_averaged_out(grid):
    found = {effect.parameter: effect for effect in effects(grid, "best/val_class_skill")}
    weight = found["loss_weights.class"]
    assert weight.levels == ["0.5", "1", "2"]
    np.testing.assert_allclose(np.diff(weight.means), [0.05, 0.1], atol=1e-3)
    np.testing.assert_allclose(found["optimizer"].size(), 0.1, atol=1e-3)
    assert weight.ordered
    assert not found["optimizer"].ordered


def test_an_uneven_choice_of_the_others_is_no_effect(grid):
    # Without most of sgd at weight 2 a plain mean over trials would flatter weight 2.
    kept = [t for t in grid if t.varied["optimizer"] == "adam" or t.varied["loss_weights.class"] != "2"]
    kept += [t for t in grid if t.name == "class=2 sgd seed=0"]
    weight = next(
        one for one in effects(kept, "best/val_score_skill") if one.parameter == "loss_weights.class"
    )
    np.testing.assert_allclose(np.diff(weight.means), [-0.05, -0.1], atol=4e-3)


def test_a_parameter_with_many_values_is_a_scale():
    rates = np.geomspace(1e-4, 1e-1, 40)
    skills = 0.9 - 0.1 * np.log10(rates / 1e-3) ** 2
    trials = [
        trial(f"r={i}", {"rate": repr(float(rate))}, skill, skill)
        for i, (rate, skill) in enumerate(zip(rates, skills, strict=True))
    ]
    (effect,) = effects(trials, OBJECTIVE)
    assert effect.scale
    assert effect.log
    assert effect.means.argmax() == 1  # 1e-3 lies in the second of five parts
    np.testing.assert_allclose(effect.points, skills, atol=1e-9)


def test_what_to_choose_names_the_best_of_all_of_each_head_and_the_knee(grid):
    found = {choice.why: choice for choice in choices(sweep(grid), fold(grid))}
    assert found["Best for head class"].group.name == "class=2 adam"
    assert found["Best for head score"].group.name == "class=0.5 adam"
    assert found["Knee between the heads"].group.name == "class=1 adam"
    assert "Best overall, by skill (val)" in found


def test_the_command_to_paste_has_the_overrides_without_the_sweep_and_its_seeds(grid):
    group = fold(grid)[0]
    pasted = command(sweep(grid, options="--config-dir 'my conf'"), group)
    assert pasted == "python -m pipeline.train --config-dir 'my conf' loss_weights.class=0.5 optimizer=adam"
    odd = trial("x", {"seed": "3"}, 1, 1, overrides=shlex.join(["branches.image.filters=[8, 4]", "seed=3"]))
    assert shlex.split(command(sweep([odd]), fold([odd])[0]))[3:] == [
        "branches.image.filters=[8, 4]",
        "seed=3",
    ]


def test_names_of_metrics_are_short():
    assert short("best/val_class_skill") == "class skill (val)"
    assert short("test/loss") == "loss (test)"


def check_page(folder, text: list[str]) -> str:
    page = (folder / "sweep.html").read_text()
    for words in text:
        assert words in page, words
    assert "http://" not in page
    for figure in (folder / "figures").iterdir():
        width, height = struct.unpack(">II", figure.read_bytes()[16:24])
        assert width > 300
        assert height > 100
    return page


def test_the_page_of_a_grid_holds_all(tmp_path, grid):
    bad = trial("class=9", {"loss_weights.class": "9"}, 0, 0, status="FAILED", reason="NotFiniteError: <nan>")
    write(tmp_path, sweep([*grid, bad], compare="http://localhost/#/compare-runs".replace("http", "https")))
    page = check_page(
        tmp_path,
        [
            "What to choose",
            "The front between the heads",
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
        "time",
        *(f"effects_val_{x}" for x in ("skill", "class_skill", "score_skill")),
    }
    rows = (tmp_path / "tables" / "all_trials.csv").read_text().splitlines()
    assert len(rows) == 20
    assert "best/val_class_skill" in rows[0]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_the_page_can_be_drawn_at_any_time(tmp_path, grid, count):
    running = trial("class=7", {"loss_weights.class": "7"}, 0, 0, status="RUNNING", ended=None, metrics={})
    trials = [*grid[:count], running] if count else []
    write(tmp_path, sweep(trials, running=True))
    page = check_page(tmp_path, ["s</h1>", "drawn again while the sweep runs"])
    assert 'http-equiv="refresh"' in page


def test_the_page_of_a_search_shows_its_way_and_importances(tmp_path):
    rng = np.random.default_rng(0)
    trials = [
        trial(f"rate={i}", {"optimizer.learning_rate": repr(float(rng.uniform())), "optimizer": o}, a, 1 - a)
        for i, (a, o) in enumerate(zip(rng.uniform(size=12), ["adam", "sgd"] * 6, strict=True))
    ]
    objective = ["best/val_class_skill", "best/val_score_skill"]
    found = {name: {"optimizer.learning_rate": 0.8, "optimizer": 0.2} for name in objective}
    write(tmp_path, sweep(trials, objective=objective, importances=found))
    check_page(tmp_path, ["Knee between the objectives", "Parameter importances", "nothing was repeated"])
