"""Chooses the heads of a report that are drawn, if a run has hundreds of them."""

from collections.abc import Mapping

import numpy as np

from pipeline.report.record import HeadResult

MOST_HEADS = 24  # that are drawn: each takes about two seconds and 0.1 MB of the page


def drawn_heads(heads: Mapping[str, HeadResult]) -> list[str]:
    """Return the heads that are drawn: all, or the `MOST_HEADS` with the lowest skill on the test rows.

    Heads without a skill come last. The order is that of `heads`.
    """
    skills = np.array([head.test.get("skill", np.nan) for head in heads.values()], float)
    lowest = np.argsort(skills, kind="stable")[:MOST_HEADS]
    names = list(heads)
    return [names[place] for place in sorted(lowest)]


def choice(heads: Mapping[str, HeadResult]) -> str:
    """Return a sentence on the heads that are not drawn; empty if all are."""
    if len(heads) <= MOST_HEADS:
        return ""
    return (
        f"Of the {len(heads)} heads, the {MOST_HEADS} with the lowest skill are drawn and have a section "
        "below. The tables and their files have all."
    )
