"""How a training ended: the epochs trained and kept, and what each head lost by the common choice."""

import math

from pipeline.metric_names import name_of
from pipeline.training.fit import FitResult
from pipeline.training.refit import Refit

DEFAULT_MONITOR = name_of("val", None, "skill_floored")  # in words: validation
LOSS_OF_NOTE = 0.005  # skill that a head may lose without being mentioned


def ending(fitted: FitResult) -> list[str]:
    """Return sentences: which epoch was kept and why; heads that were better in another; refitted heads."""
    return [_kept(fitted), *_lost_by_sharing(fitted), *_refitted(fitted)]


def best_epochs(fitted: FitResult) -> dict[str, float]:
    """Return the metrics `best/<head>_epoch`: the epoch with each head's lowest validation loss."""
    return {f"best/{head}_epoch": float(epoch) for head, epoch in fitted.heads.best_epoch.items()}


def _kept(fitted: FitResult) -> str:
    trained = max((len(values) for values in fitted.history.values()), default=fitted.best_epoch)
    kept = f"kept epoch {fitted.best_epoch}"
    if fitted.failure:
        return f"stopped in epoch {trained + 1}, because a loss or gradient was not finite; {kept}"
    if trained < fitted.limit:
        return f"stopped after epoch {trained} of {fitted.limit}: {_why(fitted, trained)}; {kept}"
    if trained == 1:
        return "trained one epoch and kept it"
    return f"trained all {trained} epochs; {kept}, the {_choice(fitted.monitor)}"


def _why(fitted: FitResult, trained: int) -> str:
    """Say in words why a training stopped early."""
    if fitted.heads.best_epoch and all(head in fitted.heads.released for head in fitted.heads.best_epoch):
        return "no head improved any more"
    waited = trained - fitted.best_epoch
    measured = "validation" if fitted.monitor == DEFAULT_MONITOR else fitted.monitor
    return f"{measured} had not improved for {waited} epoch{'s' * (waited != 1)}"


def _choice(monitor: str | None) -> str:
    if monitor is None:
        return "last"
    return "best" if monitor == DEFAULT_MONITOR else f"best by {monitor}"


def _lost_by_sharing(fitted: FitResult) -> list[str]:
    sentences = []
    for head, epoch in fitted.heads.best_epoch.items():
        metric = name_of("val", head, "skill")
        skills = fitted.history.get(metric, [])
        if epoch == fitted.best_epoch or not skills:
            continue
        own, kept = skills[epoch - 1], fitted.best.get(metric, skills[fitted.best_epoch - 1])
        if math.isfinite(own) and math.isfinite(kept) and own - kept > LOSS_OF_NOTE:
            released = fitted.heads.released.get(head)
            end = f"; not trained after epoch {released}" if released else ""
            sentences.append(
                f"head {head} was best in epoch {epoch}: validation skill {own:.3f}, and {kept:.3f} in the "
                f"kept epoch{end}"
            )
    return sentences


def _refitted(fitted: FitResult) -> list[str]:
    return [
        f"head {head}: {_changes(refit)} (validation loss {refit.before:.3f} -> {refit.after:.3f})"
        for head, refit in fitted.refits.items()
    ]


def _changes(refit: Refit) -> str:
    steps = f"its own layers were trained on for {refit.steps} steps" if refit.steps else ""
    away = f"its outputs were moved {100 * (1 - refit.share):.0f} % of the way to {refit.towards}"
    return " and ".join(filter(None, [steps, away if refit.share < 1 else ""]))
