"""Metrics of known gradients: norms, shares, cosines, conflicts and zeros."""

import numpy as np
import pytest

from pipeline.insight.numbers import Flow, branch_norms, cosines, flow_numbers, shares, zero_gradients

ONES = {"a": 1.0, "b": 1.0}
# Gradients of two heads on one batch: (head, weights) for each layer.
KNOWN = {
    "branch_x": [[3.0, 4.0], [0.0, 5.0]],
    "branch_y": [[0.0, 0.0], [0.0, 2.0]],
    "fusion": [[1.0, 0.0], [-1.0, 0.0]],
}


def make_flow(*batches, rows=None):
    """The flow of two heads `a` and `b` and two branches `x` and `y`; one variable per layer."""
    gradients = np.array([list(batch.values()) for batch in batches])
    products = np.einsum("svhw,svgw->svhg", gradients, gradients)
    rows = np.ones((len(batches), 2, 2)) if rows is None else np.array(rows)
    return Flow(["a", "b"], ["x", "y"], list(batches[0]), rows, products)


def random_flow():
    rng = np.random.default_rng(0)
    batches = [dict(zip(KNOWN, rng.normal(size=(3, 2, 4)), strict=True)) for _ in range(3)]
    return make_flow(*batches, rows=rng.uniform(1, 2, (3, 2, 2)))


def test_norms_at_the_output_are_means_over_the_batches_and_are_weighted_unless_raw():
    flow = make_flow(KNOWN, KNOWN, rows=[[[1, 2], [3, 4]], [[3, 2], [3, 0]]])
    metrics = flow_numbers(flow, {"a": 2.0, "b": 0.5}, by_part=False)
    assert [metrics[f"flow/a_to_{branch}"] for branch in "xy"] == [4.0, 4.0]
    assert [metrics[f"flow/a_to_{branch}_raw"] for branch in "xy"] == [2.0, 2.0]
    assert [metrics[f"flow/b_to_{branch}"] for branch in "xy"] == [1.5, 1.0]


def test_norms_of_the_weights_are_weighted_unless_raw():
    metrics = flow_numbers(make_flow(KNOWN), {"a": 2.0, "b": 0.5}, by_part=False)
    assert [metrics[f"flow/a_to_{branch}_weights"] for branch in "xy"] == [10.0, 0.0]
    assert [metrics[f"flow/a_to_{branch}_weights_raw"] for branch in "xy"] == [5.0, 0.0]
    assert [metrics[f"flow/b_to_{branch}_weights"] for branch in "xy"] == [2.5, 1.0]


def test_a_branch_has_one_norm_over_all_its_variables_and_their_mean_over_the_batches():
    flow = make_flow(KNOWN, {name: 3 * np.array(values) for name, values in KNOWN.items()})
    assert branch_norms(flow).tolist() == [[10.0, 0.0], [10.0, 4.0]]
    flow.parts[2] = "branch_y"
    np.testing.assert_allclose(branch_norms(flow), [[10, 2], [10, 2 * np.sqrt(5)]])


def test_shares_of_a_head_are_over_the_branches_and_those_of_a_branch_over_the_weighted_heads():
    metrics = flow_numbers(make_flow(KNOWN), {"a": 2.0, "b": 1.0}, by_part=False)
    assert [metrics[f"flow/a_to_{branch}_share"] for branch in "xy"] == [1.0, 0.0]
    assert [metrics[f"flow/b_to_{branch}_share"] for branch in "xy"] == pytest.approx([5 / 7, 2 / 7])
    assert [metrics[f"flow/x_from_{head}"] for head in "ab"] == pytest.approx([10 / 15, 5 / 15])
    assert [metrics[f"flow/y_from_{head}"] for head in "ab"] == [0.0, 1.0]


def test_shares_add_up_to_one():
    metrics = flow_numbers(random_flow(), {"a": 0.3, "b": 4.0}, by_part=False)
    for head in "ab":
        assert sum(metrics[f"flow/{head}_to_{branch}_share"] for branch in "xy") == pytest.approx(1)
    for branch in "xy":
        assert sum(metrics[f"flow/{branch}_from_{head}"] for head in "ab") == pytest.approx(1)


def test_a_share_of_nothing_is_undefined_and_absent():
    values = np.array([[1.0, 3.0], [0.0, 0.0]])
    np.testing.assert_array_equal(shares(values, axis=1), [[0.25, 0.75], [np.nan, np.nan]])
    np.testing.assert_array_equal(shares(values, axis=0), [[1, 1], [0, 0]])
    metrics = flow_numbers(make_flow(KNOWN), {"a": 0.0, "b": 0.0}, by_part=False)
    assert not [name for name in metrics if name.endswith("_share") or "_from_" in name]
    assert metrics["flow/a_to_x_weights_raw"] == 5.0


def test_a_weight_scales_the_gradients_but_not_the_raw_ones():
    flow = random_flow()
    one, two = (flow_numbers(flow, {"a": weight, "b": 1.0}, by_part=False) for weight in (1.0, 2.0))
    for branch in "xy":
        for word in ("", "_weights"):
            name = f"flow/a_to_{branch}{word}"
            assert two[name] == pytest.approx(2 * one[name])
            assert two[f"{name}_raw"] == one[f"{name}_raw"] == pytest.approx(one[name])
        odds = [metrics[f"flow/{branch}_from_a"] / metrics[f"flow/{branch}_from_b"] for metrics in (one, two)]
        assert odds[1] == pytest.approx(2 * odds[0])
    assert two["flow/cos_a_b"] == one["flow/cos_a_b"]


def test_a_cosine_is_over_the_variables_that_both_heads_reach():
    flow = make_flow(KNOWN)
    # Products 20 - 1, squares 25 + 1 each; branch_y does not count, as only b reaches it.
    assert cosines(flow, 0, 1) == pytest.approx([19 / 26])
    assert cosines(flow, 0, 1, "branch_x") == pytest.approx([0.8])
    assert cosines(flow, 0, 1, "fusion") == pytest.approx([-1.0])
    assert np.isnan(cosines(flow, 0, 1, "branch_y")).all()
    flow.parts[1] = "branch_x"
    assert cosines(flow, 0, 1, "branch_x") == pytest.approx([0.8])


def test_cosines_and_conflicts_on_the_parts_are_extra_and_absent_where_undefined():
    whole = flow_numbers(make_flow(KNOWN), ONES, by_part=False)
    by_part = flow_numbers(make_flow(KNOWN), ONES, by_part=True)
    assert {name: by_part.pop(name) for name in whole} == whole
    assert by_part == pytest.approx(
        {
            "flow/cos_a_b_on_branch_x": 0.8,
            "flow/conflict_a_b_on_branch_x": 0.0,
            "flow/cos_a_b_on_fusion": -1.0,
            "flow/conflict_a_b_on_fusion": 1.0,
        }
    )


def test_a_conflict_is_a_batch_with_a_negative_cosine():
    # Two heads, one variable: opposed in one batch of four, aligned in the others.
    grams = np.array([[[4.0, sign], [sign, 1.0]] for sign in (-1.0, 1.0, 1.0, 1.0)])[:, None]
    flow = Flow(["a", "b"], ["x"], ["branch_x"], np.ones((4, 2, 1)), grams)
    metrics = flow_numbers(flow, ONES, by_part=True)
    assert metrics["flow/conflict_a_b"] == metrics["flow/conflict_a_b_on_branch_x"] == 0.25
    assert metrics["flow/cos_a_b"] == pytest.approx((-0.5 + 3 * 0.5) / 4)
    assert branch_norms(flow).tolist() == [[2.0], [1.0]]


def test_a_batch_in_which_a_head_has_no_gradient_counts_for_neither_cosine_nor_conflict():
    without_b = {name: [values[0], [0.0, 0.0]] for name, values in KNOWN.items()}
    metrics = flow_numbers(make_flow(KNOWN, without_b, KNOWN), ONES, by_part=True)
    assert metrics["flow/cos_a_b"] == pytest.approx(19 / 26)
    assert metrics["flow/conflict_a_b_on_fusion"] == 1.0


def test_every_pair_of_heads_has_its_cosine():
    gradients = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, -1.0]])
    flow = Flow(list("abc"), ["x"], ["branch_x"], np.ones((1, 3, 1)), (gradients @ gradients.T)[None, None])
    metrics = flow_numbers(flow, dict.fromkeys("abc", 1.0), by_part=False)
    found = {name: value for name, value in metrics.items() if "cos" in name}
    root = np.sqrt(0.5)
    assert found == pytest.approx({"flow/cos_a_b": root, "flow/cos_a_c": 0.0, "flow/cos_b_c": -root})


def test_gradients_everywhere_are_no_warning():
    assert zero_gradients(random_flow(), ONES) == []


def test_heads_without_a_gradient_are_reported_with_the_cause():
    nothing = {name: [values[0], [0.0, 0.0]] for name, values in KNOWN.items()}
    flow = make_flow(nothing, rows=[[[1.0, 1.0], [0.0, 0.0]]])
    sentences = zero_gradients(flow, {"a": 0.0, "b": 1.0})
    assert sentences[:2] == [
        "head a sends no gradient: its weight is 0",
        "head b sends no gradient: its loss depends on no weight, or no row has a label for it",
    ]


def test_a_branch_without_a_gradient_is_reported_unless_only_its_weights_are_frozen():
    rows = [[[1.0, 0.0], [1.0, 0.0]]]
    assert zero_gradients(make_flow(KNOWN, rows=rows), ONES) == [
        "branch y gets no gradient: no head's loss depends on its output"
    ]
    # Only b reaches the weights of y, and with a weight of 0 it does not.
    assert zero_gradients(make_flow(KNOWN), {"a": 1.0, "b": 0.0}) == [
        "head b sends no gradient: its weight is 0",
        "branch y gets a gradient at its output, but none of its weights does",
    ]
    frozen = {name: values for name, values in KNOWN.items() if name != "branch_y"}
    assert zero_gradients(make_flow(frozen), ONES) == []
