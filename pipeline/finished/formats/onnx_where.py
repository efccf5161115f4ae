"""Gives an ONNX graph back its choices.

tf2onnx writes `where(c, a, b)` as `c * a + b * (1 - c)` unless it sees that a value may be NaN. In such a sum
a missing step of a series spoils the row, as 0 times NaN is NaN.
"""

from typing import Any


def restore_choices(graph: Any, make_node: Any) -> int:
    """Replace sums of products by the nodes `Where` that they stand for; return their number.

    The products stay in the graph, and runtimes leave out what nobody uses.

    Args:
        graph: an `onnx.GraphProto`.
        make_node: `onnx.helper.make_node`.
    """
    makers = {output: node for node in graph.node for output in node.output}
    found = 0
    for place, node in enumerate(graph.node):
        if node.op_type == "Add" and (chosen := _choice(node, makers)):
            graph.node[place].CopyFrom(make_node("Where", chosen, node.output, name=node.name))
            found += 1
    return found


def _choice(add: Any, makers: dict[str, Any]) -> list[str] | None:
    """Return condition, value if true and value if false, if a node adds them up in tf2onnx's way."""
    first, second = (makers.get(name) for name in add.input)
    if first is None or second is None or (first.op_type, second.op_type) != ("Mul", "Mul"):
        return None
    yes, no = makers.get(first.input[0]), makers.get(second.input[1])
    if yes is None or no is None or (yes.op_type, no.op_type) != ("Cast", "Cast"):
        return None
    negated = makers.get(no.input[0])
    if negated is None or negated.op_type != "Not" or negated.input[0] != yes.input[0]:
        return None
    return [yes.input[0], first.input[1], second.input[0]]
