"""Which configuration to choose: the best overall, the best for each head, and the knee between them."""

import math
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.config.naming import FOLD, REPEATS
from pipeline.metric_names import short, sign, skill_of
from pipeline.sweep.board.front import front, knee
from pipeline.sweep.board.groups import Group, ranked
from pipeline.sweep.trials import Sweep


class Choice(NamedTuple):
    """A group to choose, the reason, and the command that trains it.

    `metric` is that by which the group is the best; empty for the knee.
    """

    why: str
    group: Group
    command: str
    metric: str = ""


def choices(sweep: Sweep, groups: Sequence[Group]) -> list[Choice]:
    """The best group overall and for each head, and the knee; what was not measured is left out."""
    if not groups:
        return []
    heads = sweep.heads()
    criteria = [(f"Best {short(name)}", name) for name in sweep.objective]
    if len(sweep.objective) > 1:
        criteria.insert(0, ("Best overall, by the mean skill", skill_of()))
    else:
        criteria[0] = (f"Best overall, by {short(sweep.objective[0])}", sweep.objective[0])
    criteria += [
        (f"Best for head {head}", skill_of(head)) for head in heads if skill_of(head) not in sweep.objective
    ]
    chosen = []
    for why, metric in criteria:
        best = ranked(groups, metric)[0]
        if not math.isnan(best.mean(metric)):
            chosen.append(Choice(why, best, command(sweep, best), metric))
    _, values = front_values(sweep, groups)
    on_front = front(values) if len(values) else []
    if on_front and values.shape[1] > 1:
        best = groups[knee(values, on_front)]
        chosen.append(Choice(f"Knee between the {front_name(sweep)}", best, command(sweep, best)))
    return chosen


def front_name(sweep: Sweep) -> str:
    """What the front is drawn between: "objectives" or "heads"."""
    return "objectives" if len(sweep.objective) > 1 else "heads"


def front_values(sweep: Sweep, groups: Sequence[Group]) -> tuple[list[str], np.ndarray]:
    """The metrics of the front and their (groups, metrics) means, signed so that larger is better.

    The metrics are the objectives if there are several, else the heads' skills.
    """
    metrics = (
        list(sweep.objective) if len(sweep.objective) > 1 else [skill_of(head) for head in sweep.heads()]
    )
    values = [[sign(metric) * group.mean(metric) for metric in metrics] for group in groups]
    return metrics, np.array(values).reshape(len(groups), len(metrics))


def command(sweep: Sweep, group: Group) -> str:
    """The command that trains a group's configuration once, without a seed if several were tried.

    It trains on the split itself and not on folds of it.
    """
    dropped = ["sweep=", "sweep.", "objective=", "tracking.run_name="]
    if len(group.trials) > 1:
        dropped += [f"{name}=" for name in REPEATS if name in group.trials[0].varied]
    if FOLD in group.trials[0].varied:
        dropped += [f"{FOLD}=", "data.split.folds=", "data.split.tested="]
    words = shlex.split(group.trials[0].overrides)
    kept = [word for word in words if not word.lstrip("+").startswith(tuple(dropped))]
    return " ".join(part for part in ("python -m pipeline.train", sweep.options, shlex.join(kept)) if part)
