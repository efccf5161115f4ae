"""What to choose: the best overall, the best for each head, and the knee between them."""

import math
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.metric_names import short, sign, skill_of
from pipeline.sweep.board.front import front, knee
from pipeline.sweep.board.groups import REPEATS, Group, ranked
from pipeline.sweep.trials import Sweep


class Choice(NamedTuple):
    """A group to choose, why, and the command that trains it."""

    why: str
    group: Group
    command: str


def choices(sweep: Sweep, groups: Sequence[Group]) -> list[Choice]:
    """The best overall, the best for each head, and the knee, as far as something was measured."""
    if not groups:
        return []
    heads = sweep.heads()
    wanted = [(f"Best {short(name)}", name) for name in sweep.objective]
    if len(sweep.objective) > 1:
        wanted.insert(0, ("Best overall, by the mean skill", "best/val_skill"))
    else:
        wanted[0] = (f"Best overall, by {short(sweep.objective[0])}", sweep.objective[0])
    wanted += [
        (f"Best for head {head}", skill_of(head)) for head in heads if skill_of(head) not in sweep.objective
    ]
    found = []
    for why, metric in wanted:
        best = ranked(groups, metric)[0]
        if not math.isnan(best.mean(metric)):
            found.append(Choice(why, best, command(sweep, best)))
    _, values = front_values(sweep, groups)
    on_front = front(values) if len(values) else []
    if on_front and values.shape[1] > 1:
        best = groups[knee(values, on_front)]
        found.append(Choice(f"Knee between the {front_name(sweep)}", best, command(sweep, best)))
    return found


def front_name(sweep: Sweep) -> str:
    """What the front lies between, in a word."""
    return "objectives" if len(sweep.objective) > 1 else "heads"


def front_values(sweep: Sweep, groups: Sequence[Group]) -> tuple[list[str], np.ndarray]:
    """What the front lies between, and (groups, metrics) means of it, turned so that more is better.

    The objectives where there are several, else the heads' skills.
    """
    metrics = (
        list(sweep.objective) if len(sweep.objective) > 1 else [skill_of(head) for head in sweep.heads()]
    )
    values = [[sign(metric) * group.mean(metric) for metric in metrics] for group in groups]
    return metrics, np.array(values).reshape(len(groups), len(metrics))


def command(sweep: Sweep, group: Group) -> str:
    """The command that trains a group's config once; its first seed where several were tried."""
    dropped = ("sweep=", "sweep.", "objective=", "tracking.run_name=") + (
        (f"{REPEATS}=",) if len(group.trials) > 1 else ()
    )
    kept = [word for word in shlex.split(group.trials[0].overrides) if not word.startswith(tuple(dropped))]
    return " ".join(part for part in ("python -m pipeline.train", sweep.options, shlex.join(kept)) if part)
