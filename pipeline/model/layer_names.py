"""Names of the model's layers: `branch_<name>`, `fusion`, `head_<name>`.

They occur in logged models and in the metrics `flow/update_<layer>`, so they must never change.
"""

FUSION = "fusion"
PRESENTER = "presenter"


def branch_layer(branch: str) -> str:
    """Return the name of a branch's layer."""
    return f"branch_{branch}"


def head_layer(head: str) -> str:
    """Return the name of a head's layer."""
    return f"head_{head}"


def output_layer(head: str) -> str:
    """Return the name of the last layer inside a head's layer."""
    return f"{head}_output"


def read_layer(branch: str | None) -> str:
    """Return the name of the layer that a head reads: the branch's, or the fusion's if `branch` is None."""
    return FUSION if branch is None else branch_layer(branch)


def is_part(layer: str) -> bool:
    """Return whether a layer of the model is a branch, the fusion or a head."""
    return layer == FUSION or layer.startswith((branch_layer(""), head_layer("")))
