"""What heads lose without a branch, on models that are known to use it or not."""

import keras
import numpy as np
import pytest

from pipeline.data.feed import Rows
from pipeline.insight import Contribution, contribution, contribution_metrics, contributions, sentences
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
    monkeypatch.setattr(contribution, "AT_ONCE", 1)
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


def given(branch, head, points, spread, how="permuted"):
    return Contribution(
        branch, head, how, {"skill": 0.9}, {"skill": 0.9 - points / 100}, {"skill": spread / 100}
    )


FOUND = [
    given("gray", "class", 0.1, 0.4),
    given("colour", "class", 24.6, 0.6),
    given("colour", "score", 160.0, 3.0),
    given("gray", "score", 3.0, 2.0),
    given(ALL, "class", 120.0, 1.0),
    given("gray", "class", 5.0, 0.0, how="stand-in"),
]


def test_metrics_are_points_of_skill_by_branch_and_head():
    assert contribution_metrics(FOUND) == pytest.approx(
        {
            "contribution/gray_to_class": 0.1,
            "contribution/colour_to_class": 24.6,
            "contribution/colour_to_score": 160.0,
            "contribution/gray_to_score": 3.0,
        }
    )


def test_contributions_in_words():
    assert sentences({}, ["class", "score"], ["gray", "colour"], FOUND) == [
        "gray contributes nothing to class: permuting it costs 0.1 ± 0.4 points",
        "gray contributes nothing to score: permuting it costs 3.0 ± 2.0 points",
        "colour is worth, in points of skill: 24.6 ± 0.6 to class, 160.0 ± 3.0 to score",
    ]


def test_what_a_head_still_knows_with_everything_permuted_is_said():
    words = sentences({}, ["class"], ["gray"], [given(ALL, "class", 30.0, 1.0)])
    assert words == ["class keeps a skill of 0.60 with all inputs permuted: rows or labels repeat"]


def test_flow_in_words():
    history = {
        "flow/score_to_series_share": [0.95, 0.87],
        "flow/score_to_image_share": [0.05, 0.13],
        "flow/class_to_series_share": [0.5, 0.5],
        "flow/class_to_image_share": [0.5, 0.5],
        "flow/series_from_score": [0.65, 0.65],
        "flow/series_from_class": [0.35, 0.35],
        "flow/conflict_class_score": [0.5, 0.26],
        "flow/cos_class_score": [-0.1, 0.3],
        "flow/conflict_class_score_on_fusion": [0.5, 0.4],
        "flow/conflict_class_score_on_branch_image": [0.1, float("nan")],
        "flow/update_branch_image": [0.01, 0.01],
        "flow/update_branch_series": [0.07, 0.05],
    }
    assert sentences(history, ["class", "score"], ["image", "series"], []) == [
        "class is updated through image (0.50), series (0.50)",
        "score is updated almost only through series (0.91)",
        "series is moved mostly by score (0.65)",
        "class and score pull apart on what they share in 38 % of the probe steps (mean cosine 0.10), "
        "most of all on fusion (45 %)",
        "the weights of series change 6 times as much an epoch as those of image",
    ]


def test_a_frozen_branch_is_said_to_stand_still():
    history = {"flow/update_branch_image": [0.0, 0.0], "flow/update_branch_series": [0.1, 0.1]}
    words = sentences(history, ["class"], ["image", "series"], [])
    assert words == ["image did not change: it is frozen or gets no gradient"]


def test_one_head_and_one_branch_leave_little_to_say():
    history = {"flow/class_to_image_share": [1.0], "flow/image_from_class": [1.0]}
    assert sentences(history, ["class"], ["image"], []) == []


def test_of_many_pairs_the_worst_are_told():
    heads = [f"h{i}" for i in range(5)]
    pairs = [(a, b) for i, a in enumerate(heads) for b in heads[i + 1 :]]
    history = {f"flow/conflict_{a}_{b}": [i / 10] for i, (a, b) in enumerate(pairs)}
    words = sentences(history, heads, ["image"], [])
    assert words[0].startswith("h3 and h4 pull apart on what they share in 90 %")
    assert words[-1] == "4 more pairs of heads pull apart, less often"
    assert len(words) == 6


def test_a_pair_that_hardly_ever_pulls_apart_is_told_of_only_if_it_is_the_only_one():
    history = {"flow/conflict_a_b": [0.0], "flow/conflict_a_c": [0.5], "flow/conflict_b_c": [0.04]}
    assert len(sentences(history, ["a", "b", "c"], ["image"], [])) == 1
    assert len(sentences(history, ["a", "b"], ["image"], [])) == 1
