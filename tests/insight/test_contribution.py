"""What heads lose without a branch, on models that are known to use it or not."""

import keras
import numpy as np
import pytest

from pipeline.data.feed import Rows
from pipeline.insight import Contribution, contribution, contribution_metrics, contributions
from pipeline.insight.contribution import ALL
from pipeline.model.stand_in import stand_ins
from pipeline.training.measure import references
from tests.small_trainer import INPUTS, LABELS, LOSSES, ROWS, make_trainer, train


class Split:
    labels = LABELS


class Decoding:
    def __init__(self, kind, units):
        self.kind, self.units = kind, units

    def decode(self, labels):
        return labels


def look(trainer, **options):
    from pipeline import heads

    made = {
        "class": heads.Multiclass(loss=LOSSES["class"], metrics=["auc", "accuracy"]),
        "score": heads.Regression(loss=LOSSES["score"], metrics=["mae"]),
    }
    targets = {"class": Decoding("category", 5), "score": Decoding("number", 1)}
    heads_of = references(made, targets, trainer.losses, {"train": Split, "val": Split})
    rows = Rows.of(INPUTS, LABELS)
    given = {"repeats": 4, "number": None, "stand_ins": stand_ins(trainer.model, rows), **options}
    found = contributions(trainer, rows, heads_of["val"], **given)
    return {(one.branch, one.head, one.how): one for one in found}


@pytest.fixture(scope="module")
def learned():
    # Enough epochs to know the rows by heart.
    trainer = make_trainer(optimizer=keras.optimizers.Adam(3e-2), reads={"score": "series"})
    train(trainer, epochs=40)
    return trainer


def test_permuting_a_branch_that_a_head_does_not_use_costs_exactly_nothing(learned):
    found = look(learned)
    for how in ("permuted", "stand-in"):
        one = found["image", "score", how]
        assert one.points == one.points_spread == 0.0
        assert one.before == one.after
    assert found["series", "score", "permuted"].points > 1
    assert found["image", "class", "permuted"].points > 1


def test_before_are_the_numbers_of_an_evaluation(learned):
    epoch = learned.evaluate(Rows.of(INPUTS, LABELS))
    found = look(learned)
    for head in LOSSES:
        assert found["image", head, "permuted"].before["loss"] == pytest.approx(epoch.losses[head], rel=1e-5)


def test_permuting_features_is_permuting_inputs(learned):
    one = look(learned, repeats=1)["image", "class", "permuted"]
    drawn = np.random.default_rng(0)
    drawn.permutation(ROWS)
    moved = {**INPUTS, "image": INPUTS["image"][drawn.permutation(ROWS)]}
    assert one.after["loss"] == pytest.approx(
        learned.evaluate(Rows.of(moved, LABELS)).losses["class"], rel=1e-4
    )


def test_with_all_branches_permuted_alike_a_head_knows_nothing(learned):
    found = look(learned, repeats=30)[ALL, "class", "permuted"]
    assert found.before["auc"] > 0.8
    assert found.after["auc"] == pytest.approx(0.5, abs=0.05)
    assert found.after["skill"] < 0


def test_repeats_have_a_spread_and_the_same_seed_the_same_numbers(learned):
    once, again, other = look(learned), look(learned), look(learned, seed=1)
    key = ("series", "class", "permuted")
    assert once[key].spread["loss"] > 0
    assert once[key] == again[key]
    assert once[key].after != other[key].after
    assert look(learned, repeats=1)[key].points_spread == 0.0


def test_the_mean_output_stands_in_for_a_branch_that_has_learned_nothing_else(learned):
    features = learned.model.get_layer("branch_image")(INPUTS["image"]).numpy()
    mean = np.broadcast_to(features.mean(axis=0), features.shape)
    series = learned.model.get_layer("branch_series")(INPUTS["series"])
    fused = learned.model.get_layer("fusion")({"image": keras.ops.convert_to_tensor(mean), "series": series})
    output = learned.model.get_layer("head_class")(fused)
    wanted = float(LOSSES["class"](LABELS["class"], output))
    assert look(learned)["image", "class", "stand-in"].after["loss"] == pytest.approx(wanted, rel=1e-4)


def test_a_learned_stand_in_is_what_the_branch_gives_for_a_missing_input():
    trainer = make_trainer(optimizer=keras.optimizers.Adam(3e-2), dropout_input=0.3)
    train(trainer, epochs=3)
    gone = {**INPUTS, "image": np.full_like(INPUTS["image"], np.nan)}
    wanted = trainer.evaluate(Rows.of(gone, LABELS)).losses["class"]
    assert look(trainer)["image", "class", "stand-in"].after["loss"] == pytest.approx(wanted, rel=1e-4)


def test_permutations_that_go_through_the_heads_together_are_as_if_each_went_alone(learned, monkeypatch):
    together = look(learned)
    monkeypatch.setattr(contribution, "ROWS_PER_CALL", 1)
    alone = look(learned)
    assert together.keys() == alone.keys()
    for key, one in alone.items():
        assert one.after["loss"] == pytest.approx(together[key].after["loss"], rel=1e-5), key


def test_fewer_rows_may_be_looked_at(learned):
    some, every = look(learned, number=40), look(learned)
    key = ("image", "class", "permuted")
    assert some[key].before["loss"] != every[key].before["loss"]


def test_looking_changes_no_weight(learned):
    before = [value.copy() for value in learned.model.get_weights()]
    look(learned)
    for old, new in zip(before, learned.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def result(branch, head, points, how="permuted"):
    after = {"skill": 0.9 - points / 100}
    return Contribution(branch, head, how, {"skill": 0.9}, after, {"skill": 0.01})


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
