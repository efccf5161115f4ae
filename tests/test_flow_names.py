"""Names of the flow metrics: as docs/insight.md lists them, and found again."""

import numpy as np

from pipeline import flow_names
from pipeline.insight.numbers import Flow, flow_numbers


def test_names_are_those_of_the_documentation():
    assert flow_names.sent("class", "image", "_share") == "flow/class_to_image_share"
    assert flow_names.received("image", "class") == "flow/image_from_class"
    assert flow_names.cosine("a", "b") == "flow/cos_a_b"
    assert flow_names.conflict("a", "b", "fusion") == "flow/conflict_a_b_on_fusion"
    assert flow_names.update("branch_image") == "flow/update_branch_image"


def test_parts_are_found_by_the_names_of_their_metrics():
    names = [
        flow_names.conflict("a", "b"),
        flow_names.conflict("a", "b", "fusion"),
        flow_names.conflict("a", "b_c", "fusion"),
        flow_names.cosine("a", "b", "fusion"),
        flow_names.update("fusion"),
    ]
    assert flow_names.conflict_parts(names, "a", "b") == {"fusion": "flow/conflict_a_b_on_fusion"}
    assert flow_names.updated_parts(names) == {"fusion": "flow/update_fusion"}


def test_every_measure_of_a_sent_gradient_is_computed():
    flow = Flow(["a"], ["x"], ["branch_x"], rows=np.ones((1, 1, 1)), products=np.ones((1, 1, 1, 1)))
    names = flow_numbers(flow, {"a": 1.0}, by_part=False)
    sent = {flow_names.sent("a", "x", measure) for measure in flow_names.MEASURES}
    assert sent == {name for name in names if "_to_" in name}


def test_each_gradient_and_each_pair_of_heads_is_essential_and_nothing_that_follows_from_these():
    names = flow_names.essential(["a", "b"], ["x", "x_share"])
    assert {"flow/a_to_x", "flow/b_to_x", "flow/a_to_x_share", "flow/cos_a_b"} <= names
    assert not [name for name in names if "_raw" in name or "update" in name or "conflict" in name]
    assert "flow/x_from_a" not in names
