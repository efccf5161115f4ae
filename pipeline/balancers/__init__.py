"""Rules that change the heads' weights while training, one method per file.

The trainer descends Σ λ_i w_i L_i: L_i is a head's loss (mean over its labelled rows), λ_i its loss weight,
w_i what the balancer gives for this step, a constant to the gradient. What it logs as the loss is always
Σ λ_i L_i: a balancer changes updates, not the objective, and loss weights multiply on top of every balancer.

A balancer is made by its config's `_target_`. It has (`Balancer` holds the defaults, inheriting is optional):

needs: "losses" or "gram"   "gram": `weights` and `update` also get the (k, k) products of heads' gradients,
                            G_ij = <∇L_i, ∇L_j>, float32, divided by the square of any loss scale first.
level                       what those gradients are taken with respect to, read only if needs is "gram":
                            "representation" all tensors that cross from what heads share to what they do not,
                            flattened over batch and features; "parameters" all shared variables;
                            "last_shared" the variables of the last shared layer.
weighted: bool              True: losses and gram are those of λ_i L_i; False: of L_i. Either way w_i is
                            multiplied by λ_i for what is descended.
scale_private: bool         True: a head's own variables get the gradient of λ_i w_i L_i; False: of λ_i L_i.
needs_losses_after: bool    True: `update` gets the losses on the same batch after the optimizer's step.
build(heads, kinds)         once, before anything else; makes the variables. kinds: head -> kind of target.
weights(losses, labelled, gram=None) -> (k,) float32
                            changes no state; the caller stops its gradient. labelled (k,) bool: the batch
                            has labels for it, λ_i is not 0. The others get 0 and take no part; their
                            losses and gram entries may be anything.
update(losses, labelled, gram=None, losses_after=None)
                            after the optimizer's step, with what `weights` got; moves the state.
on_epoch_end(mean_losses)   after each epoch: the mean training losses L_i, unweighted; NaN if never labelled.
variables                   list of keras.Variable: the whole state. Restored, the next step is the same.

`weights` and `update` are graph code: fixed shapes, bounded loops, under jit_compile too. When
gradients accumulate, give them the accumulated losses and the gram of the accumulated gradients: the mean of
several surgeries is another method than the surgery of the mean.
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
