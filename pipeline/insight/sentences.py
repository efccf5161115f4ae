"""States flow and contribution in sentences."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from pipeline import flow_names
from pipeline.insight.contribution import ALL, Contribution, interactions
from pipeline.model.layer_names import branch_layer
from pipeline.page.style import enumerated

ALMOST_ONLY, MOSTLY, TRACE = 0.8, 0.6, 0.005  # shares of a gradient
LEAST_POINTS = 1.0  # smaller contributions, in points of skill, are reported as none
RARE = 0.05  # share of the probe batches; of several pairs, those that conflict less often are left out
MOST_HEADS = 10  # that are named for one branch
MOST_PAIRS = 5  # pairs of heads that are reported, those with the most conflicts
FASTER = 5.0  # ratio of two branches' changes from which it is reported

History = Mapping[str, Sequence[float]]


def sentences(
    history: History,
    heads: Sequence[str],
    branches: Sequence[str],
    contributions: Sequence[Contribution],
) -> list[str]:
    """A few sentences about a finished training, what matters most first.

    Args:
        history: MLflow metric name -> one value per epoch; the sentences use means over the epochs.

    Example:
        >>> sentences(fitted.history, ["class", "score"], ["image", "series"], contributions)[0]
        'score sends its gradient almost only to series (0.91)'
    """
    return [
        *leftover_skill(contributions),
        *contributed(contributions),
        *conflicts(history, heads),
        *interacting(contributions),
        *speeds(history, branches),
        *gradients_sent(history, heads, branches),
        *gradients_received(history, heads, branches),
    ]


def gradients_sent(history: History, heads: Sequence[str], branches: Sequence[str]) -> list[str]:
    """To which branches each head sends its gradient."""
    if len(branches) < 2:
        return []
    result = []
    for head in heads:
        shares = {branch: mean(history, flow_names.sent(head, branch, "_share")) for branch in branches}
        if text := _listed(shares, "to"):
            result.append(f"{head} sends its gradient {text}")
    return result


def gradients_received(history: History, heads: Sequence[str], branches: Sequence[str]) -> list[str]:
    """From which heads each branch receives its gradient, with the weights in force."""
    if len(heads) < 2:
        return []
    result = []
    for branch in branches:
        shares = {head: mean(history, flow_names.received(branch, head)) for head in heads}
        if text := _listed(shares, "from"):
            result.append(f"{branch} receives its gradient {text}")
    return result


def conflicts(history: History, heads: Sequence[str]) -> list[str]:
    """How often the gradients of two heads conflict, most frequent first."""
    pairs = [(a, b, mean(history, flow_names.conflict(a, b))) for a, b in combinations(heads, 2)]
    pairs = sorted((pair for pair in pairs if pair[2] == pair[2]), key=lambda pair: -pair[2])
    if len(pairs) > 1:
        pairs = [pair for pair in pairs if pair[2] >= RARE]
    result = []
    for a, b, often in pairs[:MOST_PAIRS]:
        cosine = mean(history, flow_names.cosine(a, b))
        result.append(
            f"the gradients of {a} and {b} conflict in {100 * often:.0f} % of the probe batches "
            f"(mean cosine {cosine:z.2f}){_worst_part(history, a, b)}"
        )
    if len(pairs) > MOST_PAIRS:
        result.append(f"{len(pairs) - MOST_PAIRS} more pairs of heads conflict less often")
    return result


def speeds(history: History, branches: Sequence[str]) -> list[str]:
    """Branches whose weights do not change, or change much more than another's."""
    changes = {branch: mean(history, flow_names.update(branch_layer(branch))) for branch in branches}
    result = [
        f"the weights of {branch} did not change: it is frozen or receives no gradient"
        for branch in changes
        if changes[branch] == 0
    ]
    moving = {branch: change for branch, change in changes.items() if change > 0}
    if len(moving) > 1:
        fast, slow = max(moving, key=moving.__getitem__), min(moving, key=moving.__getitem__)
        ratio = moving[fast] / moving[slow]
        if ratio >= FASTER:
            result.append(
                f"per epoch, the weights of {fast} change {ratio:.0f} times as much as those of {slow}"
            )
    return result


def contributed(contributions: Sequence[Contribution]) -> list[str]:
    """What each branch contributes to each head, by permutation of its input."""
    shown = [
        one
        for one in contributions
        if one.how == "permuted" and one.branch != ALL and one.points == one.points
    ]
    lines = []
    for branch in dict.fromkeys(one.branch for one in shown):
        own = {one.head: one for one in shown if one.branch == branch}
        useful = {
            head: one for head, one in own.items() if one.points >= max(LEAST_POINTS, 2 * one.points_spread)
        }
        if useful:
            largest = sorted(useful, key=lambda head: -useful[head].points)[:MOST_HEADS]
            listed = [f"{_points(one)} to {head}" for head, one in useful.items() if head in largest]
            if len(useful) > len(largest):
                listed.append(f"less to {len(useful) - len(largest)} more heads")
            lines.append(f"{branch} contributes, in points of skill: {', '.join(listed)}")
        lines += _not_useful(branch, [one for head, one in own.items() if head not in useful])
    return lines


def interacting(contributions: Sequence[Contribution]) -> list[str]:
    """The pairs of inputs that a head needs together, and those that can stand in for each other."""
    found = [
        one for one in interactions(contributions) if abs(one.points) >= max(LEAST_POINTS, 2 * one.spread)
    ]
    lines = []
    for one in found[:MOST_PAIRS]:
        what, how = (
            ("can stand in for each other", "more") if one.points > 0 else ("are needed together", "less")
        )
        lines.append(
            f"{one.first} and {one.second} {what} for {one.head}: permuting both costs "
            f"{abs(one.points):.1f} ± {one.spread:.1f} points of skill {how} than permuting each adds up to"
        )
    return lines


def _not_useful(branch: str, others: Sequence[Contribution]) -> list[str]:
    """One sentence on the heads that a branch harms, that it gives nothing, and that are uncertain."""
    harmed = [one for one in others if one.points <= -max(LEAST_POINTS, 2 * one.points_spread)]
    rest = [one for one in others if one not in harmed]
    none = [one for one in rest if one.points + 2 * one.points_spread < 2 * LEAST_POINTS]
    uncertain = [one for one in rest if one not in none]
    gains = " and ".join(f"{-one.points:.1f} ± {one.points_spread:.1f}" for one in harmed[:MOST_HEADS])
    found = {
        f"{branch} harms {_heads(harmed)}: permuting it gains {gains} points of skill": harmed,
        f"{branch} contributes nothing to {_heads(none)}: permuting it costs {_costs(none)} points": none,
        f"whether {branch} contributes to {_heads(uncertain)} is uncertain: permuting it costs "
        f"{_costs(uncertain)} points": uncertain,
    }
    return [text for text, about in found.items() if about]


def _heads(contributions: Sequence[Contribution]) -> str:
    names = [one.head for one in contributions]
    more = len(names) - MOST_HEADS
    return enumerated([*names[:MOST_HEADS], f"{more} more heads"] if more > 0 else names)


def _costs(contributions: Sequence[Contribution]) -> str:
    if len(contributions) > MOST_HEADS:
        points = [one.points for one in contributions]
        return f"{min(points):.1f} to {max(points):.1f}"
    return enumerated([_points(one) for one in contributions])


def leftover_skill(contributions: Sequence[Contribution]) -> list[str]:
    """Heads that fail the sanity check: with all inputs permuted, none should have any skill."""
    skills = {
        one.head: one.after["skill"]
        for one in contributions
        if one.branch == ALL and one.after.get("skill", np.nan) > 2 * one.spread.get("skill", 0) + 0.02
    }
    return [
        f"{head} still has a skill of {skill:.2f} with all inputs permuted, where 0 is expected: either rows "
        "repeat, or the validation labels are easier than the training labels, whose best constant is the "
        "baseline"
        for head, skill in skills.items()
    ]


def mean(history: History, name: str) -> float:
    """Mean of a metric over the epochs that have it; NaN if none has."""
    values = np.array(history.get(name, []), float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _listed(shares: Mapping[str, float], preposition: str) -> str:
    known = {name: share for name, share in shares.items() if share == share}
    if not known:
        return ""
    first = max(known, key=known.__getitem__)
    if known[first] >= MOSTLY:
        word = "almost only" if known[first] >= ALMOST_ONLY else "mostly"
        return f"{word} {preposition} {first} ({known[first]:.2f})"
    names = sorted((name for name in known if known[name] >= TRACE), key=lambda name: -known[name])
    return f"{preposition} " + ", ".join(f"{name} ({known[name]:.2f})" for name in names)


def _worst_part(history: History, a: str, b: str) -> str:
    parts = flow_names.conflict_parts(history, a, b)
    often = {part: mean(history, name) for part, name in parts.items()}
    if not often:
        return ""
    worst = max(often, key=often.__getitem__)
    return f", most often on {worst} ({100 * often[worst]:.0f} %)"


def _points(one: Contribution) -> str:
    return f"{one.points:.1f} ± {one.points_spread:.1f}"
