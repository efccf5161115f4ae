"""Flow and contribution in sentences: what is notable is said, and what is not is left out."""

import pytest

from pipeline.flow_names import sent
from pipeline.insight import sentences
from pipeline.insight.contribution import ALL, Contribution


def result(branch, head, points, spread, how="permuted"):
    return Contribution(
        branch, head, how, {"skill": 0.9}, {"skill": 0.9 - points / 100}, {"skill": spread / 100}, (9, 9)
    )


RESULTS = [
    result("gray", "class", 0.1, 0.4),
    result("colour", "class", 24.6, 0.6),
    result("colour", "score", 160.0, 3.0),
    result("gray", "score", 3.0, 2.0),
    result(ALL, "class", 120.0, 1.0),
    result("gray", "class", 5.0, 0.0, how="stand-in"),
]


def test_contributions_and_the_lack_of_them():
    assert sentences({}, ["class", "score"], ["gray", "colour"], RESULTS) == [
        "gray contributes nothing to class: permuting it costs 0.1 ± 0.4 points",
        "whether gray contributes to score is uncertain: permuting it costs 3.0 ± 2.0 points",
        "colour contributes, in points of skill: 24.6 ± 0.6 to class, 160.0 ± 3.0 to score",
    ]


@pytest.mark.parametrize(
    ("points", "spread", "begin"),
    [
        (12.3, 7.3, "whether gray contributes to class is uncertain: permuting it costs 12.3 ± 7.3 points"),
        (-5.0, 1.0, "gray harms class: permuting it gains 5.0 ± 1.0 points of skill"),
        (-5.0, 4.0, "whether gray contributes to class is uncertain: permuting it costs -5.0 ± 4.0 points"),
        (-0.5, 0.1, "gray contributes nothing to class: permuting it costs -0.5 ± 0.1 points"),
    ],
)
def test_a_contribution_is_useful_nothing_harmful_or_uncertain(points, spread, begin):
    (sentence,) = sentences({}, ["class"], ["gray"], [result("gray", "class", points, spread)])
    assert sentence.startswith(begin)


def test_heads_of_which_the_same_is_true_share_a_sentence():
    heads = ["class", "score", "mood"]
    none = [result("gray", head, points, 0.2) for head, points in zip(heads, (0.1, -0.3, 0.4), strict=True)]
    assert sentences({}, heads, ["gray"], none) == [
        "gray contributes nothing to class, score and mood: permuting it costs 0.1 ± 0.2, -0.3 ± 0.2 and "
        "0.4 ± 0.2 points"
    ]


def test_a_head_with_skill_although_all_inputs_are_permuted_is_reported():
    words = sentences({}, ["class"], ["gray"], [result(ALL, "class", 30.0, 1.0)])
    (sentence,) = words
    assert sentence.startswith(
        "class still has a skill of 0.60 with all inputs permuted, where 0 is expected"
    )


def test_flow_and_conflicts():
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
        "the gradients of class and score conflict in 38 % of the probe batches (mean cosine 0.10), "
        "most often on fusion (45 %)",
        "per epoch, the weights of series change 6 times as much as those of image",
        "class sends its gradient to image (0.50), series (0.50)",
        "score sends its gradient almost only to series (0.91)",
        "series receives its gradient mostly from score (0.65)",
    ]


def test_a_frozen_branch_is_reported():
    history = {"flow/update_branch_image": [0.0, 0.0], "flow/update_branch_series": [0.1, 0.1]}
    words = sentences(history, ["class"], ["image", "series"], [])
    assert words == ["the weights of image did not change: it is frozen or receives no gradient"]


def test_one_head_and_one_branch_leave_little_to_say():
    history = {"flow/class_to_image_share": [1.0], "flow/image_from_class": [1.0]}
    assert sentences(history, ["class"], ["image"], []) == []


def test_of_many_pairs_those_with_the_most_conflicts_are_reported():
    heads = [f"h{i}" for i in range(5)]
    pairs = [(a, b) for i, a in enumerate(heads) for b in heads[i + 1 :]]
    history = {f"flow/conflict_{a}_{b}": [i / 10] for i, (a, b) in enumerate(pairs)}
    words = sentences(history, heads, ["image"], [])
    assert words[0].startswith("the gradients of h3 and h4 conflict in 90 %")
    assert words[-1] == "4 more pairs of heads conflict less often"
    assert len(words) == 6


def test_a_pair_that_rarely_conflicts_is_reported_only_if_it_is_the_only_one():
    history = {"flow/conflict_a_b": [0.0], "flow/conflict_a_c": [0.5], "flow/conflict_b_c": [0.04]}
    assert len(sentences(history, ["a", "b", "c"], ["image"], [])) == 1
    assert len(sentences(history, ["a", "b"], ["image"], [])) == 1


def test_heads_whose_names_begin_alike_keep_their_gradients_apart():
    history = {
        sent("a", "x", "_share"): [0.9],
        sent("a", "y", "_share"): [0.1],
        sent("a_b", "x", "_share"): [0.2],
        sent("a_b", "y", "_share"): [0.8],
    }
    assert sentences(history, ["a", "a_b"], ["x", "y"], []) == [
        "a sends its gradient almost only to x (0.90)",
        "a_b sends its gradient almost only to y (0.80)",
    ]


def test_of_hundreds_of_heads_the_largest_contributions_are_named():
    useful = [result("image", f"u{number}", 10.0 + number, 0.1) for number in range(30)]
    useless = [result("image", f"n{number}", 0.0, 0.1) for number in range(40)]
    first, second = sentences({}, [], [], [*useful, *useless])
    assert "39.0 ± 0.1 to u29" in first
    assert "to u19" not in first
    assert first.endswith("less to 20 more heads")
    assert second.startswith("image contributes nothing to n0, n1, ")
    assert second.endswith("n9 and 30 more heads: permuting it costs 0.0 to 0.0 points")
