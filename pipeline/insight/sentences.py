"""What the numbers say, in sentences."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from pipeline.insight.contribution import ALL, Contribution

ALMOST_ONLY, MOSTLY, TRACE = 0.8, 0.6, 0.005
NOTHING = 1.0  # points of skill below which a branch is said to give nothing
SELDOM = 0.05  # share of the probe steps below which one of many pairs is not told of
PAIRS = 5  # pairs of heads told of, those that pull apart most
FASTER = 5.0  # times as much an epoch, from which a difference between branches is told of

History = Mapping[str, Sequence[float]]


def sentences(
    history: History, heads: Sequence[str], branches: Sequence[str], found: Sequence[Contribution]
) -> list[str]:
    """A few sentences about a finished training; flow numbers are means over its epochs.

    Args:
        history: MLflow metric name -> one value per epoch.
        found: what `contributions` gave.

    Example:
        >>> sentences(fitted.history, ["class", "score"], ["image", "series"], found)[0]
        'score is updated almost only through series (0.91)'
    """
    return [
        *through(history, heads, branches),
        *moved_by(history, heads, branches),
        *conflicts(history, heads),
        *speeds(history, branches),
        *contributed(found),
        *checked(found),
    ]


def through(history: History, heads: Sequence[str], branches: Sequence[str]) -> list[str]:
    """Through which branches each head acts."""
    if len(branches) < 2:
        return []
    found = []
    for head in heads:
        parts = {branch: mean(history, f"flow/{head}_to_{branch}_share") for branch in branches}
        if text := _mostly(parts):
            found.append(f"{head} is updated {text.format(word='through')}")
    return found


def moved_by(history: History, heads: Sequence[str], branches: Sequence[str]) -> list[str]:
    """Which heads move each branch; the weights in force are counted in."""
    if len(heads) < 2:
        return []
    found = []
    for branch in branches:
        parts = {head: mean(history, f"flow/{branch}_from_{head}") for head in heads}
        if text := _mostly(parts):
            found.append(f"{branch} is moved {text.format(word='by')}")
    return found


def conflicts(history: History, heads: Sequence[str]) -> list[str]:
    """How often pairs of heads pull apart, the worst pairs first."""
    pairs = [(a, b, mean(history, f"flow/conflict_{a}_{b}")) for a, b in combinations(heads, 2)]
    pairs = sorted((pair for pair in pairs if pair[2] == pair[2]), key=lambda pair: -pair[2])
    if len(pairs) > 1:
        pairs = [pair for pair in pairs if pair[2] >= SELDOM]
    found = []
    for a, b, often in pairs[:PAIRS]:
        cosine = mean(history, f"flow/cos_{a}_{b}")
        found.append(
            f"{a} and {b} pull apart on what they share in {100 * often:.0f} % of the probe steps "
            f"(mean cosine {cosine:.2f}){_worst_part(history, f'flow/conflict_{a}_{b}_on_')}"
        )
    if len(pairs) > PAIRS:
        found.append(f"{len(pairs) - PAIRS} more pairs of heads pull apart, less often")
    return found


def speeds(history: History, branches: Sequence[str]) -> list[str]:
    """Branches that stand still, or move much faster than another."""
    ratios = {branch: mean(history, f"flow/update_branch_{branch}") for branch in branches}
    found = [
        f"{branch} did not change: it is frozen or gets no gradient"
        for branch in ratios
        if ratios[branch] == 0
    ]
    moving = {branch: ratio for branch, ratio in ratios.items() if ratio > 0}
    if len(moving) > 1:
        fast, slow = max(moving, key=moving.__getitem__), min(moving, key=moving.__getitem__)
        times = moving[fast] / moving[slow]
        if times >= FASTER:
            found.append(
                f"the weights of {fast} change {times:.0f} times as much an epoch as those of {slow}"
            )
    return found


def contributed(found: Sequence[Contribution]) -> list[str]:
    """What each branch gives to each head, by permutation."""
    shown = [one for one in found if one.how == "permuted" and one.branch != ALL and one.points == one.points]
    lines = []
    for branch in dict.fromkeys(one.branch for one in shown):
        own = {one.head: one for one in shown if one.branch == branch}
        useful = {head: one for head, one in own.items() if one.points >= max(NOTHING, 2 * one.points_spread)}
        if useful:
            listed = ", ".join(f"{_points(one)} to {head}" for head, one in useful.items())
            lines.append(f"{branch} is worth, in points of skill: {listed}")
        lines += [
            f"{branch} contributes nothing to {head}: permuting it costs {_points(one)} points"
            for head, one in own.items()
            if head not in useful
        ]
    return lines


def checked(found: Sequence[Contribution]) -> list[str]:
    """The check: with every branch permuted alike, no head may know anything."""
    left = {
        one.head: one.after["skill"]
        for one in found
        if one.branch == ALL and one.after.get("skill", np.nan) > 2 * one.spread.get("skill", 0) + 0.02
    }
    return [
        f"{head} keeps a skill of {skill:.2f} with all inputs permuted: rows or labels repeat"
        for head, skill in left.items()
    ]


def mean(history: History, name: str) -> float:
    """Mean of a metric over the epochs that have it; NaN without any."""
    values = np.array(history.get(name, []), float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _mostly(parts: Mapping[str, float]) -> str:
    known = {name: part for name, part in parts.items() if part == part}
    if not known:
        return ""
    first = max(known, key=known.__getitem__)
    word = "almost only" if known[first] >= ALMOST_ONLY else "mostly" if known[first] >= MOSTLY else ""
    if word:
        return f"{word} {{word}} {first} ({known[first]:.2f})"
    listed = sorted((name for name in known if known[name] >= TRACE), key=lambda name: -known[name])
    return "{word} " + ", ".join(f"{name} ({known[name]:.2f})" for name in listed)


def _worst_part(history: History, prefix: str) -> str:
    parts = {name.removeprefix(prefix): mean(history, name) for name in history if name.startswith(prefix)}
    if not parts:
        return ""
    worst = max(parts, key=parts.__getitem__)
    return f", most of all on {worst} ({100 * parts[worst]:.0f} %)"


def _points(one: Contribution) -> str:
    return f"{one.points:.1f} ± {one.points_spread:.1f}"
