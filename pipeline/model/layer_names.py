"""Names of the model's layers: `branch_<name>`, `fusion`, `head_<name>`.

Checkpoints and the metrics `flow/update_<layer>` carry them, so they never change.
"""

FUSION = "fusion"


def branch_layer(branch: str) -> str:
    """The name of a branch's layer."""
    return f"branch_{branch}"


def head_layer(head: str) -> str:
    """The name of a head's layer."""
    return f"head_{head}"


def output_layer(head: str) -> str:
    """The name of the last layer inside a head's layer."""
    return f"{head}_output"


def read_layer(branch: str | None) -> str:
    """The name of the layer that a head reads: a branch's, or the fusion's for None."""
    return FUSION if branch is None else branch_layer(branch)


def is_part(layer: str) -> bool:
    """Whether a layer of the model is a branch, the fusion or a head."""
    return layer == FUSION or layer.startswith((branch_layer(""), head_layer("")))
