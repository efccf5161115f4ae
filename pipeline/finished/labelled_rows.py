"""Reads labelled rows for the model of a finished run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.make import Make
from pipeline.data.kinds import TARGETS, Input, Target, build
from pipeline.data.loading import LabelledRows, load_labelled
from pipeline.data.source import NoColumnError
from pipeline.errors import ConfigError
from pipeline.finished.run import FinishedRun, restore_input
from pipeline.heads import Head
from pipeline.stored_file import list_in_tag, mapping_in, reading
from pipeline.tracking import StoredRun

SPLITS_TAG = "ensemble.splits"  # of an ensemble's run: the splits that no member was trained on


@dataclass(frozen=True)
class ReadRows:
    """Labelled rows of some data, read as a run reads its own; `facts` is its config/heads.json."""

    rows: LabelledRows
    heads: Mapping[str, Head]
    targets: Mapping[str, Target]
    facts: Mapping[str, Any]


def read_rows(
    run: StoredRun,
    finished: FinishedRun,
    data: Any,
    *,
    which: str | np.ndarray,
    own: bool,
    folders: Sequence[Path],
    make: Make,
    by: Sequence[str] = (),
) -> ReadRows:
    """Read labelled rows for a run's model, with the arguments of `finished.evaluation.evaluate`.

    Args:
        which: as there, or the numbers of rows.

    Raises:
        ConfigError: the data does not fit the run, or the run's own data has changed.
    """
    if own and isinstance(which, str):
        _check_untrained(run, finished, which)
    with reading(run, "config/heads.json") as path:
        facts = mapping_in(path)
        if facts.keys() != finished.cfg.heads.keys():
            raise ValueError(f"it has the heads {', '.join(facts) or '(none)'}")
    heads: dict[str, Head] = {name: make(node) for name, node in finished.cfg.heads.items()}
    node = make(data)
    node.pop("leaks", None)  # leaks concern only the training
    with reading(run, "config/heads.json"):
        inputs, targets = _restored(finished, node, facts)
    try:
        rows = load_labelled(
            **{**node, "inputs": inputs, "targets": targets, "split": node.get("split")},
            which=which,
            restored=[*finished.inputs, *heads],
            folders=folders,
            seed=finished.cfg.seed,
            by=[name for name in by if name not in heads],
            optional=[] if (group := group_of(node)) is None else [group],
        )
    except NoColumnError as error:
        if not error.key.startswith("data.targets."):
            raise
        problem = f"{error.problem}, but an evaluation needs labels"
        allowed = "rows with labels; python -m pipeline.predict takes rows without"
        raise ConfigError(error.key, problem, found=error.found, allowed=allowed) from error
    if own and rows.fingerprint is not None:
        _check_fingerprint(run, rows.fingerprint)
    if not len(rows.rows):
        raise ConfigError("split", "this split has no rows", found=which)
    return ReadRows(rows, heads, targets, facts)


def group_of(data: Mapping[str, Any]) -> str | None:
    """Return the column of a data config whose rows belong together; None if there is none."""
    group = (data.get("split") or {}).get("group")
    return None if group is None else str(group)


def _restored(
    finished: FinishedRun, node: Any, facts: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Target]]:
    """Build the data's inputs and targets; restore those of the run to the state after its training."""
    for group, names in (("inputs", finished.inputs), ("targets", facts)):
        for name in names:
            if name not in node[group]:
                raise ConfigError(
                    f"data.{group}", f"the run needs {name}", found=f"no {name}", allowed=node[group]
                )
    targets: dict[str, Target] = {
        name: build(entry, TARGETS, f"data.targets.{name}") for name, entry in node["targets"].items()
    }
    for name, head_facts in facts.items():
        if targets[name].kind != head_facts["kind"]:
            raise ConfigError(
                f"data.targets.{name}.kind",
                "the kind differs from that in training",
                found=targets[name].kind,
                allowed=head_facts["kind"],
            )
        targets[name].restore(name, head_facts)
    inputs: dict[str, Input | Mapping[str, Any]] = dict(node["inputs"])
    for name in finished.inputs:
        inputs[name] = restore_input(name, inputs[name], finished.specs[name], finished.facts.get(name))
    return inputs, targets


def each_row_once(run: StoredRun, finished: FinishedRun) -> bool:
    """Return whether a run has an ensemble of folds, each of which tested other rows."""
    split = finished.cfg.data.get("split") or {}
    apart = SPLITS_TAG in run.tags and "test" not in list_in_tag(run, SPLITS_TAG)
    return bool(apart and split.get("tested") == "once" and finished.member_targets)


def _check_untrained(run: StoredRun, finished: FinishedRun, which: str) -> None:
    """Refuse rows of a sweep's data on which members of its ensemble were trained."""
    if SPLITS_TAG not in run.tags:
        return
    untrained = ["test"] if each_row_once(run, finished) else list_in_tag(run, SPLITS_TAG)
    if which not in untrained:
        problem = "members of this ensemble were trained on these rows, so it would look better than it is"
        allowed = ", ".join([*(f"split={name}" for name in untrained), "sources=… or data=… with other rows"])
        raise ConfigError("split", problem, found=which, allowed=allowed)


def _check_fingerprint(run: StoredRun, fingerprint: str) -> None:
    with reading(run, "config/split.json") as path:
        logged = str(mapping_in(path)["fingerprint"])
    if fingerprint != logged:
        raise ConfigError(
            "data",
            "the run's data or its split has changed since the training",
            found=f"fingerprint {fingerprint[:12]}",
            allowed=f"fingerprint {logged[:12]}; for other rows use split=all or data=…",
        )
