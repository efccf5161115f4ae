"""Contributions: how much heads lose without a branch that they do or do not use."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline.data.feed import Rows
from pipeline.insight import Contribution, contribution, contribution_metrics, contributions
from pipeline.insight.contribution import ALL, PAIR, interactions
from pipeline.insight.section import interaction_table
from pipeline.model.stand_in import stand_ins
from pipeline.training.measure import references
from tests.small_trainer import INPUTS, LABELS, LOSSES, ROWS, make_trainer, train

SPLIT = SimpleNamespace(labels=LABELS, numbers={"score": LABELS["score"]})


class Target:
    def __init__(self, kind, units):
        self.kind, self.units = kind, units


def contributions_of(trainer, **options):
    from pipeline import heads

    parts = {
        "class": heads.Multiclass(loss=LOSSES["class"], metrics=["auc", "accuracy"]),
        "score": heads.Regression(loss=LOSSES["score"], metrics=["mae"]),
    }
    targets = {"class": Target("category", 5), "score": Target("number", 1)}
    by_split = references(parts, targets, trainer.losses, {"train": SPLIT, "val": SPLIT})
    rows = Rows.of(INPUTS, LABELS)
    defaults = {"repeats": 4, "number": None, "stand_ins": stand_ins(trainer.model, rows)}
    results = contributions(trainer, rows, by_split["val"], **{**defaults, **options})
    return {(one.branch, one.head, one.how): one for one in results}


@pytest.fixture(scope="module")
def trained():
    # Enough epochs to overfit the rows.
    trainer = make_trainer(optimizer=keras.optimizers.Adam(3e-2), reads={"score": "series"})
    train(trainer, epochs=40)
    return trainer


def test_permuting_a_branch_that_a_head_does_not_read_costs_exactly_nothing(trained):
    found = contributions_of(trained)
    for how in ("permuted", "stand-in"):
        one = found["image", "score", how]
        assert one.points == one.points_spread == 0.0
        assert one.before == one.after
    assert found["series", "score", "permuted"].points > 1
    assert found["image", "class", "permuted"].points > 1


def test_the_metrics_before_are_those_of_an_evaluation(trained):
    epoch = trained.evaluate(Rows.of(INPUTS, LABELS))
    found = contributions_of(trained)
    for head in LOSSES:
        assert found["image", head, "permuted"].before["loss"] == pytest.approx(epoch.losses[head], rel=1e-5)


def test_permuting_features_equals_permuting_inputs(trained):
    one = contributions_of(trained, repeats=1)["image", "class", "permuted"]
    rng = np.random.default_rng(0)
    rng.permutation(ROWS)  # the sample of rows
    permuted = {**INPUTS, "image": INPUTS["image"][rng.permutation(ROWS)]}
    assert one.after["loss"] == pytest.approx(
        trained.evaluate(Rows.of(permuted, LABELS)).losses["class"], rel=1e-4
    )


def test_with_all_branches_permuted_alike_no_head_beats_a_constant(trained):
    found = contributions_of(trained, repeats=30)[ALL, "class", "permuted"]
    assert found.before["auc"] > 0.8
    assert found.after["auc"] == pytest.approx(0.5, abs=0.05)
    assert found.after["skill"] < 0


def test_repeats_have_a_spread_and_the_same_seed_gives_the_same_results(trained):
    once, again, other = (
        contributions_of(trained),
        contributions_of(trained),
        contributions_of(trained, seed=1),
    )
    key = ("series", "class", "permuted")
    assert once[key].spread["loss"] > 0
    assert once[key] == again[key]
    assert once[key].after != other[key].after
    assert contributions_of(trained, repeats=1)[key].points_spread == 0.0


def test_a_branch_without_a_learned_stand_in_is_replaced_by_its_mean_features(trained):
    features = trained.model.get_layer("branch_image")(INPUTS["image"]).numpy()
    mean = np.broadcast_to(features.mean(axis=0), features.shape)
    series = trained.model.get_layer("branch_series")(INPUTS["series"])
    fused = trained.model.get_layer("fusion")({"image": keras.ops.convert_to_tensor(mean), "series": series})
    output = trained.model.get_layer("head_class")(fused)
    expected = float(LOSSES["class"](LABELS["class"], output))
    assert contributions_of(trained)["image", "class", "stand-in"].after["loss"] == pytest.approx(
        expected, rel=1e-4
    )


def test_a_learned_stand_in_has_the_same_effect_as_a_missing_input():
    trainer = make_trainer(optimizer=keras.optimizers.Adam(3e-2), dropout_input=0.3)
    train(trainer, epochs=3)
    missing = {**INPUTS, "image": np.full_like(INPUTS["image"], np.nan)}
    expected = trainer.evaluate(Rows.of(missing, LABELS)).losses["class"]
    assert contributions_of(trainer)["image", "class", "stand-in"].after["loss"] == pytest.approx(
        expected, rel=1e-4
    )


def test_permutations_in_one_call_have_the_same_results_as_each_alone(trained, monkeypatch):
    together = contributions_of(trained)
    monkeypatch.setattr(contribution, "ROWS_PER_CALL", 1)
    alone = contributions_of(trained)
    assert together.keys() == alone.keys()
    for key, one in alone.items():
        assert one.after["loss"] == pytest.approx(together[key].after["loss"], rel=1e-5), key


def test_the_number_of_rows_can_be_limited(trained):
    some, every = contributions_of(trained, number=40), contributions_of(trained)
    key = ("image", "class", "permuted")
    assert some[key].before["loss"] != every[key].before["loss"]


def test_contributions_do_not_change_the_weights(trained):
    before = [value.copy() for value in trained.model.get_weights()]
    contributions_of(trained)
    for old, new in zip(before, trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def result(branch, head, points, how="permuted"):
    after = {"skill": 0.9 - points / 100}
    return Contribution(branch, head, how, {"skill": 0.9}, after, {"skill": 0.01}, (500, 962))


def test_metrics_are_points_of_skill_by_branch_and_head():
    results = [
        result("gray", "class", 0.1),
        result("colour", "score", 160.0),
        result(ALL, "class", 120.0),
        result("gray", "class", 5.0, how="stand-in"),
        result("gray", "unlabelled", float("nan")),
    ]
    assert contribution_metrics(results) == {
        "contribution/gray_to_class": pytest.approx(0.1),
        "contribution/colour_to_score": pytest.approx(160.0),
    }


def test_inputs_that_stand_in_for_each_other_interact_above_0_and_those_needed_together_below():
    lost = {"a": 2.0, "b": 3.0, "c": 40.0, "d": 40.0}
    alone = [result(branch, "class", points) for branch, points in lost.items()]
    pairs = [
        result("a and b", "class", 30.0, how=PAIR),
        result("c and d", "class", 45.0, how=PAIR),
        result("a and c", "class", 42.0, how=PAIR),
    ]
    found = interactions([*alone, *pairs])
    points = {(one.first, one.second): round(one.points, 6) for one in found}
    assert points == {("a", "b"): 25, ("c", "d"): -35, ("a", "c"): 0}
    assert (found[0].first, found[0].second) == ("c", "d")
    assert interaction_table([*alone, *pairs]).rows[0][:3] == ["class", "c", "d"]
    assert set(contribution_metrics([*alone, *pairs])) == {f"contribution/{one}_to_class" for one in lost}
