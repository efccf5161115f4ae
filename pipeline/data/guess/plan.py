"""What a data config should say about files: sources, inputs, targets, the split, and what is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.guess.cells import Cells, SampledSource, open_source
from pipeline.data.guess.columns import meaning_of
from pipeline.data.guess.copies import Answer, answer, doubled_arrays, gives_away
from pipeline.data.guess.inputs import InputGuess, as_inputs
from pipeline.data.guess.keys import Matching, match
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import valid_name
from pipeline.data.guess.numeric import names_of_codes
from pipeline.data.guess.pictures import Roots
from pipeline.data.guess.split import SplitGuess, guess_split
from pipeline.data.guess.steps import StepsAndFacts, steps_and_facts, steps_input
from pipeline.data.guess.targets import TargetGuess, as_target, find
from pipeline.data.kinds.table import Table
from pipeline.data.missing import MISSING_WORDS
from pipeline.data_options import COLUMN_OPTIONS
from pipeline.errors import ConfigError

Known = Mapping[str, tuple[Cells, Meaning]]
TABLE_OPTIONS = [one.name for one in fields(Table) if one.name in COLUMN_OPTIONS]


@dataclass(frozen=True)
class Plan:
    """A data config, with the reason for each of its parts.

    Args:
        sources: name -> its entry, as in a config.
        rows: source -> how many rows it has.
        matching: how rows of several sources are matched.
        sampled: the number of rows that were looked at, if not all.
    """

    sources: Mapping[str, Any]
    rows: Mapping[str, int]
    matching: Matching
    inputs: Sequence[InputGuess]
    targets: Sequence[TargetGuess]
    split: SplitGuess
    left_out: Mapping[str, str] = field(default_factory=dict)
    sampled: int | None = None


def open_sources(files: Sequence[str], folders: Sequence[Path]) -> list[SampledSource]:
    """Opens files, and names them after themselves.

    Raises:
        ConfigError: a file does not exist or cannot be read.
    """
    sources: list[SampledSource] = []
    for file in files:
        stem = Path(file.replace("*", "")).name.split(".")[0] or Path(file).parent.name
        name = valid_name(stem or "data", [source.name for source in sources])
        sources.append(open_source(name, file, folders))
    return sources


def candidates(sources: Sequence[SampledSource], roots: Roots) -> list[TargetGuess]:
    """The columns that can be targets."""
    guesses = []
    for source in sources:
        for cells, meaning in _meanings(source, roots).values():
            # Few want to predict which row it is.
            if cells.rows == source.rows and meaning.kind not in ("identifier", "text"):
                guesses.append(as_target(cells, meaning))
    return [guess for guess in guesses if guess.kind]


def make_plan(sources: Sequence[SampledSource], names: Sequence[str], roots: Roots) -> Plan:
    """What a config for these targets should say.

    Args:
        sources: the opened files.
        names: the targets, as `column` or `source.column`.
        roots: where picture files are looked for.

    Raises:
        ConfigError: a target does not exist or cannot be one, the sources cannot be matched, or no column is
            left as an input.
    """
    rows = {source.name: source.rows for source in sources}
    left_out = {f"{source.name}.{column}": why for source in sources for column, why in source.unread.items()}
    known = _known(sources, roots)
    targets = _targets(names, known, sources)
    single = _steps_and_facts(sources, known, targets)
    if single is not None:
        sources, known = [single.facts], _known([single.facts], roots)
        targets = _targets(names, known, sources)
        matching = _of_facts(single)
        steps = [single.series]
        left_out |= single.left_out
    else:
        sources, matching = _matched(sources, targets)
        steps = [
            _steps(source, known, matching, left_out) for source in sources if source.name in matching.steps
        ]
    split, inputs = _split_and_inputs(sources, known, targets, matching, steps, left_out)
    complete = all(cells.complete for cells, _ in known.values())
    return Plan(
        {source.name: _entry(source) for source in sources},
        rows,
        matching,
        [*steps, *inputs],
        targets,
        split,
        left_out,
        None if complete else min(len(cells.values) for cells, _ in known.values() if not cells.complete),
    )


def _split_and_inputs(
    sources: Sequence[SampledSource],
    known: Known,
    targets: Sequence[TargetGuess],
    matching: Matching,
    steps: Sequence[InputGuess],
    left_out: dict[str, str],
) -> tuple[SplitGuess, list[InputGuess]]:
    """The split, and the inputs beside series of steps; adds to `left_out` what is neither."""
    answers = _answers(targets, matching)
    usable = _usable(known, sources, targets, matching, left_out)
    of_first = [one for one in usable if one[0].source == sources[0].name]
    split = guess_split(of_first, targets, answers, sources[0].rows)
    left_out |= split.used
    kept = [one for one in usable if one[0].reference not in split.used]
    kept = _without_copies(kept, answers, matching, left_out)
    taken = [*(target.name for target in targets), *(one.name for one in steps)]
    inputs, unused = as_inputs(kept, [*known, *left_out], taken, TABLE_OPTIONS)
    left_out |= unused
    if not [*steps, *inputs]:
        found = "; ".join(f"{column}: {why}" for column, why in left_out.items()) or "no other columns"
        allowed = "other targets, or more files"
        raise ConfigError("sources", "no column is left as an input", found=found, allowed=allowed)
    return split, inputs


def _known(sources: Sequence[SampledSource], roots: Roots) -> Known:
    return {reference: found for source in sources for reference, found in _meanings(source, roots).items()}


def _steps_and_facts(
    sources: Sequence[SampledSource], known: Known, targets: Sequence[TargetGuess]
) -> StepsAndFacts | None:
    if len(sources) > 1:
        return None
    meanings = {cells.name: meaning for cells, meaning in known.values()}
    return steps_and_facts(sources[0], meanings, [target.cells.name for target in targets])


def _of_facts(single: StepsAndFacts) -> Matching:
    keys = single.facts.rows
    why = f"the rows of one {single.key} are the steps of a series: {keys:,} of them"
    return Matching(single.key, why, {single.facts.name: np.arange(keys)})


def _matched(
    sources: Sequence[SampledSource], targets: Sequence[TargetGuess]
) -> tuple[Sequence[SampledSource], Matching]:
    """The sources and how they match; that of the targets comes first if the first one has other rows."""
    try:
        return sources, match(sources)
    except ConfigError:
        of_targets = targets[0].cells.source
        ordered = sorted(sources, key=lambda source: source.name != of_targets)
        if ordered == list(sources):
            raise
        return ordered, match(ordered)


def _steps(source: SampledSource, known: Known, matching: Matching, left_out: dict[str, str]) -> InputGuess:
    """The series of a source whose rows are steps."""
    key, order = str(matching.join), matching.steps[source.name]
    meanings = {cells.name: meaning for cells, meaning in known.values() if cells.source == source.name}
    series, unused = steps_input(source, meanings, key, order)
    left_out |= {f"{source.name}.{key}": "the key of the join", **unused}
    return series


def _meanings(source: SampledSource, roots: Roots) -> dict[str, tuple[Cells, Meaning]]:
    """Column -> its cells and meaning; whole numbers of which another column has the names are classes."""
    found = {cells.reference: (cells, meaning_of(cells, roots)) for cells in source.cells.values()}
    for reference, (cells, meaning) in found.items():
        if meaning.kind in ("number", "flag", "class") and cells.values.ndim == 1:
            names = names_of_codes(cells, source.cells)
            if names is not None:
                why = f"{meaning.distinct} codes; {source.name}.{names} has their names"
                options = {"names": f"{source.name}.{names}"}
                found[reference] = cells, replace(meaning, kind="class", why=why, other="", options=options)
    return found


def _entry(source: SampledSource) -> Any:
    if not source.missing:
        return source.entry
    entry = source.entry if isinstance(source.entry, Mapping) else {"path": source.entry}
    return {**entry, "missing": [*MISSING_WORDS, *source.missing]}


def _targets(names: Sequence[str], known: Known, sources: Sequence[SampledSource]) -> list[TargetGuess]:
    """The targets, with names of letters, digits and underscores."""
    targets: list[TargetGuess] = []
    for name in dict.fromkeys(names):
        guess = _target(find(name, sources), known, sources)
        taken = [target.name for target in targets]
        targets.append(replace(guess, name=valid_name(guess.cells.name or guess.cells.source, taken)))
    return targets


def _target(cells: Cells, known: Known, sources: Sequence[SampledSource]) -> TargetGuess:
    source = next(one for one in sources if one.name == cells.source)
    if cells.rows != source.rows:
        problem = f"{cells.reference} has {cells.rows:,} values for {source.rows:,} rows, so it is no target"
        raise ConfigError("targets", problem, found=cells.name)
    guess = as_target(*known[cells.reference])
    if not guess.kind:
        allowed = "a column of numbers, classes, or yes and no; without targets=… all candidates are listed"
        raise ConfigError(
            "targets", f"{cells.reference} cannot be a target: {guess.why}", found=cells.name, allowed=allowed
        )
    return guess


def _answers(targets: Sequence[TargetGuess], matching: Matching) -> list[Answer]:
    found = []
    for target in targets:
        if target.cells.source in matching.steps:
            problem = f"{target.cells.reference} cannot be a target: its source has many rows for a key"
            raise ConfigError("targets", problem, allowed="a column of a source with one row for each key")
        order = matching.orders[target.cells.source]
        if target.cells.complete or matching.join is None:
            order = order if target.cells.complete else order[: len(target.cells.values)]
            one = answer(target.name, target.cells, target.kind, order)
            found += [one] if one else []
    return found


def _usable(
    known: Known,
    sources: Sequence[SampledSource],
    targets: Sequence[TargetGuess],
    matching: Matching,
    left_out: dict[str, str],
) -> list[tuple[Cells, Meaning]]:
    """The columns that may be inputs or split the rows; adds the others to `left_out`."""
    chosen = {target.cells.reference for target in targets}
    names = {
        meaning.options["names"]: cells.name
        for cells, meaning in known.values()
        if "names" in meaning.options
    }
    rows = {source.name: source.rows for source in sources}
    usable = []
    for reference, (cells, meaning) in known.items():
        if reference in chosen or cells.source in matching.steps:
            continue
        if reference in names:
            left_out[reference] = f"the names of the classes of {names[reference]}"
        elif cells.name == matching.join:
            left_out[reference] = "the key of the join"
        elif cells.rows != rows[cells.source]:
            left_out[reference] = f"{cells.rows:,} values for {rows[cells.source]:,} rows"
        else:
            usable.append((cells, meaning))
    return usable


def _without_copies(
    known: Sequence[tuple[Cells, Meaning]],
    answers: Sequence[Answer],
    matching: Matching,
    left_out: dict[str, str],
) -> list[tuple[Cells, Meaning]]:
    """The columns that do not give a target away and say something; adds the others to `left_out`."""
    kept = []
    for cells, meaning in known:
        order = matching.orders[cells.source]
        comparable = cells.complete or matching.join is None
        order = order if cells.complete else order[: len(cells.values)]
        same_rows = [one for one in answers if len(one.codes) == len(order)] if comparable else []
        how = gives_away(cells, meaning, same_rows, order)
        if how:
            left_out[cells.reference] = how
        elif meaning.kind in ("identifier", "empty", "other"):
            left_out[cells.reference] = meaning.comment
        else:
            kept.append((cells, meaning))
    doubled = doubled_arrays([cells for cells, _ in kept])
    left_out |= doubled
    return [one for one in kept if one[0].reference not in doubled]
