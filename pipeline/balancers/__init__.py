"""Balancers change the heads' weights or gradients during training; one method per file.

Training minimises Σ λ_i w_i L_i: L_i is the loss of head i (mean over its labelled rows), λ_i its loss weight
and w_i the balancer's weight in this step, through which no gradient flows. The logged loss is always
Σ λ_i L_i: a balancer changes the updates, not the objective, and loss weights apply on top of every balancer.

A balancer has these members (`Balancer` holds the defaults; inheriting from it is optional):

needs: "losses" or "gram"   "gram": `weights` and `update` also get the (k, k) inner products of the heads'
                            gradients, G_ij = <∇L_i, ∇L_j>, float32, without any loss scale.
level                       the gradients' variables, used only if needs is "gram". "representation": all
                            tensors that the heads' own layers read from shared layers, flattened over batch
                            and features; "parameters": all shared variables; "last_shared": the variables of
                            the last shared layer.
weighted: bool              True: losses and gram are those of λ_i L_i; False: those of L_i. Either way the
                            loss used for training is λ_i w_i L_i.
scale_private: bool         True: a head's own variables get the gradient of λ_i w_i L_i; False: of λ_i L_i.
needs_losses_after: bool    True: `update` gets the losses on the same batch after the optimizer's step.
build(heads, kinds)         creates the variables; called once, first. kinds: head -> kind of target.
weights(losses, labelled, gram=None) -> (k,) float32
                            must not change any state. labelled (k,) bool: the batch has labels for the head
                            and λ_i > 0. The other heads get weight 0 and must not influence the result;
                            their losses and gram entries may have any value.
update(losses, labelled, gram=None, losses_after=None)
                            updates the state after the optimizer's step, from the arguments of `weights`.
on_epoch_end(mean_losses)   gets the epoch's mean training losses L_i, unweighted; NaN without any label.
variables                   list of keras.Variable: the whole state. After a restore, training continues
                            with the same weights.

`weights` and `update` run inside a graph: they need fixed shapes and bounded loops and must compile with
jit_compile. With gradient accumulation they get the accumulated losses and the gram of the accumulated
gradients, because balancing the mean gradient differs from averaging balanced gradients.
"""

from pipeline.balancers.aligned import Aligned
from pipeline.balancers.balancer import Balancer
from pipeline.balancers.cagrad import CAGrad
from pipeline.balancers.dwa import DWA
from pipeline.balancers.famo import FAMO
from pipeline.balancers.gradnorm import GradNorm
from pipeline.balancers.imtl_g import IMTLG
from pipeline.balancers.mgda import MGDA
from pipeline.balancers.nash import Nash
from pipeline.balancers.pcgrad import PCGrad
from pipeline.balancers.rlw import RLW
from pipeline.balancers.static import Static
from pipeline.balancers.uncertainty import Uncertainty

__all__ = [
    "DWA",
    "FAMO",
    "IMTLG",
    "MGDA",
    "RLW",
    "Aligned",
    "Balancer",
    "CAGrad",
    "GradNorm",
    "Nash",
    "PCGrad",
    "Static",
    "Uncertainty",
]
