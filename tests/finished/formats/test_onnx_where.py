"""Choices that tf2onnx writes as sums of products."""

from types import SimpleNamespace

from pipeline.finished.formats.onnx_where import restore_choices


class Node(SimpleNamespace):
    """Like an `onnx.NodeProto`."""

    def CopyFrom(self, other):  # noqa: N802
        vars(self).update(vars(other))


def node(op_type, inputs, outputs, name=""):
    return Node(op_type=op_type, input=list(inputs), output=list(outputs), name=name)


def graph_of(negated):
    return SimpleNamespace(
        node=[
            node("Cast", ["c"], ["c_number"]),
            node("Not", [negated], ["not_c"]),
            node("Cast", ["not_c"], ["not_c_number"]),
            node("Mul", ["c_number", "a"], ["one"]),
            node("Mul", ["b", "not_c_number"], ["other"]),
            node("Add", ["one", "other"], ["chosen"], "sum"),
            node("Add", ["chosen", "x"], ["y"]),
        ]
    )


def test_a_sum_of_products_with_a_condition_and_its_opposite_is_a_choice():
    graph = graph_of("c")
    assert restore_choices(graph, node) == 1
    assert vars(graph.node[5]) == vars(node("Where", ["c", "a", "b"], ["chosen"], "sum"))
    assert graph.node[6].op_type == "Add"


def test_a_sum_of_products_with_two_conditions_stays():
    graph = graph_of("another")
    assert restore_choices(graph, node) == 0
    assert graph.node[5].op_type == "Add"
