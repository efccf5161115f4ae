"""Effects of parameters that are known to have them."""

import numpy as np

from pipeline.sweep.board.effects import effects
from tests.sweep.board.sample import OBJECTIVE, trial


def test_effects_are_averaged_over_the_other_parameters(grid):
    by_parameter = {effect.parameter: effect for effect in effects(grid, "best/val_class_skill")}
    weight = by_parameter["loss_weights.class"]
    assert weight.levels == ["0.5", "1", "2"]
    np.testing.assert_allclose(np.diff(weight.means), [0.05, 0.1], atol=1e-3)
    np.testing.assert_allclose(by_parameter["optimizer"].size(), 0.1, atol=1e-3)
    assert weight.ordered
    assert not by_parameter["optimizer"].ordered


def test_uneven_sampling_of_the_other_parameters_is_no_effect(grid):
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
