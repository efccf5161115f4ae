"""Each head's own best epoch, and the heads that are no longer trained because they stopped improving."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pipeline.metric_names import name_of


@dataclass
class HeadProgress:
    """The best validation loss of every head so far.

    A head whose own validation loss has not improved for `patience` epochs is released: its loss weight is 0
    from then on, so that a head that overfits no longer changes the layers that it shares with others.

    Args:
        patience: number of epochs; None releases no head.
        best_epoch, best_loss: head -> the epoch with its lowest validation loss, and that loss.
        released: head -> the last epoch in which it was trained.
    """

    patience: int | None = None
    best_epoch: dict[str, int] = field(default_factory=dict)
    best_loss: dict[str, float] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)

    def offer(self, epoch: int, metrics: Mapping[str, float], heads: Collection[str]) -> None:
        """Record the validation losses of an epoch; release the heads that have stopped improving."""
        for head in heads:
            loss = metrics.get(name_of("val", head, "loss"))
            if loss is None:
                continue
            if head not in self.best_loss or loss < self.best_loss[head]:
                self.best_epoch[head], self.best_loss[head] = epoch, loss
            elif self.patience and epoch - self.best_epoch[head] >= self.patience:
                self.released.setdefault(head, epoch)

    def trained(self, loss_weights: Mapping[str, float]) -> dict[str, float]:
        """Return the loss weights with 0 for released heads."""
        return {head: 0.0 if head in self.released else weight for head, weight in loss_weights.items()}
