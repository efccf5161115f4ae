"""TabM: a table branch with an ensemble inside, whose members share most of their weights.

Gorishniy, Kotelnikov and Babenko 2024, arXiv:2410.24210. The layers are those of BatchEnsemble (Wen, Tran and
Ba 2020, arXiv:2002.06715): one matrix for all members, and vectors of each member that scale what goes in
and what comes out.
"""

from dataclasses import dataclass

from keras import KerasTensor, initializers, layers, ops

from pipeline.branches.stack import dropped
from pipeline.branches.table import Table


@dataclass(frozen=True, kw_only=True)
class TabM(Table):
    """The dense layers of several members side by side; the features are the mean over the members.

    In the paper every member makes its own prediction, and the mean of their losses is trained. Here the
    members end with the branch, because the fusion and the heads are shared with other branches: in training,
    each row passes through one random member, whose mean loss is that of the paper. Only then do members
    differ; trained as a mean they are one wide layer.

    Args:
        members: number of members.
        spread: standard deviation of the factors, around 1, by which members scale the columns at first. All
            other factors begin at 1.
    """

    members: int = 16
    spread: float = 0.5

    def deep(self, columns: KerasTensor, name: str) -> KerasTensor:
        factors = self._own(columns, columns.shape[-1], initializers.RandomNormal(1.0, self.spread), name)
        of_members = ops.expand_dims(columns, 1) * factors
        for i, width in enumerate(self.units, 1):
            of_members = self._dense(of_members, width, f"{name}_dense_{i}", scaled=i > 1)
            of_members = dropped(of_members, self.dropout, f"{name}_dropout_{i}")
        return ops.sum(of_members * one_member(of_members, name), axis=1)

    def _dense(self, x: KerasTensor, width: int, name: str, *, scaled: bool) -> KerasTensor:
        """Apply a dense layer to (rows, members, features); `scaled`: the members scale what goes in."""
        if scaled:
            x = x * self._own(x, x.shape[-1], "ones", f"{name}_in")
        x = layers.Dense(width, use_bias=False, name=name)(x) * self._own(x, width, "ones", f"{name}_out")
        return layers.Activation(self.activation)(x + self._own(x, width, "zeros", f"{name}_bias"))

    def _own(
        self, x: KerasTensor, width: int, initializer: str | initializers.Initializer, name: str
    ) -> KerasTensor:
        """Return trained weights of each member, (members, width); `x` only makes them part of the graph."""
        one = ops.ones_like(ops.reshape(ops.sum(x, axis=0), (1, -1))[:, :1])
        weights = layers.Dense(
            self.members * width, use_bias=False, kernel_initializer=initializer, name=f"{name}_members"
        )
        return ops.reshape(weights(one), (self.members, width))


def one_member(x: KerasTensor, name: str) -> KerasTensor:
    """Return weights (rows, members, 1): 1 for one random member of each row in training; else all equal.

    Args:
        x: (rows, members, features).
    """
    noise = layers.GaussianNoise(1.0, dtype="float32", name=f"{name}_choice")(ops.zeros_like(x[:, :, :1]))
    chosen = ops.cast(ops.equal(noise, ops.max(noise, axis=1, keepdims=True)), x.dtype)
    return chosen / ops.sum(chosen, axis=1, keepdims=True)
