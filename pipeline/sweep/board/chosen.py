"""The board's sections on what to choose, and on the front between heads or objectives."""

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from pipeline.metric_names import short, skill_of
from pipeline.page.elements import Section
from pipeline.page.style import enumerated, number, plus_minus
from pipeline.sweep.board.choice import Choice, choices, front_name, front_values
from pipeline.sweep.board.figures import front_drawing
from pipeline.sweep.board.fold_means import is_folds
from pipeline.sweep.board.groups import Group, noise, ranked, verdict
from pipeline.sweep.trials import Sweep


def chosen_sections(sweep: Sweep, groups: Sequence[Group]) -> Iterator[Section]:
    """What to choose, with its command; nothing if folds of one config are all there is."""
    if not groups or (len(groups) == 1 and is_folds(groups[0])):
        return
    spreads = {head: noise(groups, skill_of(head)) for head in sweep.heads()}
    paragraphs: list[str] = []
    for same in _by_group(choices(sweep, groups)):
        choice = same[0]
        shown = [
            f"{head} {number(with_error(choice.group, skill_of(head), spread.deviation))}"
            for head, spread in spreads.items()
        ]
        whys = [f"{one.why[:1].lower()}{one.why[1:]}" for one in same[1:]]
        paragraphs.append(
            Markup("<strong>{}</strong>: {} (validation skill: {}; {}){}<br><code>{}</code>").format(
                enumerated([choice.why, *whys]),
                _linked(sweep, choice.group),
                ", ".join(shown),
                _sureness(choice.group),
                "".join(_rivals(groups, one, named=len(same) > 1) for one in same),
                choice.command,
            )
        )
    yield Section("What to choose", paragraphs)
    metrics, values = front_values(sweep, groups)
    if len(metrics) > 1 and not np.isnan(values).all(axis=0).any():
        drawing = front_drawing(groups, metrics, values)
        yield Section(f"Front between the {front_name(sweep)}", figures={"front": drawing})


def _by_group(found: Sequence[Choice]) -> list[list[Choice]]:
    """Choices of one configuration together, in the order of the first of them."""
    together: dict[str, list[Choice]] = {}
    for choice in found:
        together.setdefault(choice.group.label, []).append(choice)
    return list(together.values())


def _linked(sweep: Sweep, group: Group) -> Markup:
    """A configuration; a single trial of it as a link, several with a link each."""
    pages = [sweep.addresses.get(trial.run_id, "") for trial in group.trials]
    if len(pages) == 1 and pages[0]:
        return Markup('<a href="{}">{}</a>').format(pages[0], group.label)
    links = [Markup('<a href="{}">{}</a>').format(page, n) for n, page in enumerate(pages, 1) if page]
    return (
        Markup("{} {}").format(group.label, Markup(" ").join(links)) if links else Markup.escape(group.label)
    )


def _sureness(group: Group) -> str:
    """What ± means, or why there is none."""
    return f"{group.mean_of} ± standard error" if group.mean_of else "one run, so its uncertainty is unknown"


def _rivals(groups: Sequence[Group], choice: Choice, *, named: bool) -> str:
    """How many other configurations are as good as the chosen one, as far as the repeats tell.

    Args:
        named: say by which metric.
    """
    if not choice.metric:
        return ""
    order = ranked(groups, choice.metric)
    spread = noise(order, choice.metric)
    words = [verdict(order[0], group, choice.metric, spread) for group in order[1:]]
    if not words or words[0].startswith("unknown"):
        return ""
    close = sum(word.startswith("within") for word in words)
    by = f" by {short(choice.metric)}" if named else ""
    return (
        f"; {close} of {len(words)} others are within noise of it{by}"
        if close
        else f"; no other is within noise of it{by}"
    )


def with_error(group: Group, metric: str, deviation: float) -> object:
    """The mean of a metric with its standard error, or alone if there is none."""
    values = group.values(metric)
    if len(values) < 2 or np.isnan(deviation):
        return group.mean(metric)
    return plus_minus(group.mean(metric), float(deviation / np.sqrt(len(values))))
