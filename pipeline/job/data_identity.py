"""What a training learned from its data depends on, so that no run goes on with other data.

A resumed run restores weights, whose outputs stand for classes by number and whose inputs have a scale: with
renamed classes or other rows they would be worth nothing, and the run's results would be overwritten.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.data import Dataset
from pipeline.data.hashes import cell_hashes
from pipeline.errors import ConfigError
from pipeline.job.job import Job
from pipeline.job.resume import DATA
from pipeline.paths import checkpoint_folder
from pipeline.stored_file import facts_of, mapping_in, readable, reading
from pipeline.tracking import find_run

SAMPLE = 1000  # rows of each split whose inputs are compared
SHOWN = 5  # names in a message


def identity(job: Job) -> dict[str, Any]:
    """Return the identity of a job's data, for JSON: its fingerprint, rows, labels, schema and contents."""
    dataset = job.dataset
    facts = {
        "fingerprint": dataset.fingerprint,
        "rows": {split: len(rows.rows) for split, rows in dataset.splits.items()},
        "labels": class_names(job),
        "targets": {name: target.kind for name, target in dataset.targets.items()},
        "inputs": {
            name: {key: [list(shape), str(dtype)] for key, (shape, dtype) in source.specs().items()}
            for name, source in dataset.inputs.items()
        },
        "contents": _label_contents(dataset) | _input_contents(dataset),
    }
    return dict(json.loads(json.dumps(facts)))  # as it is read back


def digest(job: Job) -> str:
    """Return hexadecimal digits that change with the data, its schema or its split."""
    facts = {name: fact for name, fact in identity(job).items() if name != "rows"}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def class_names(job: Job) -> dict[str, list[str]]:
    """Return head -> the names of its outputs, as in the artifact config/labels.json."""
    return {name: list(head.names(job.dataset.targets[name].names)) for name, head in job.heads.items()}


def stored_identity(run_id: str, uri: str | None) -> dict[str, Any]:
    """Return the identity of a run's data; of runs of version 0.1 only the rows and the labels are known.

    Raises:
        ConfigError: its file is damaged, or the run is not in the store.
    """
    path = checkpoint_folder(run_id) / DATA
    if path.exists():
        with readable(path, "resume"):
            return mapping_in(path)
    run = find_run(run_id, uri)
    with reading(run, "config/split.json") as path:
        return {"rows": mapping_in(path)["rows"], "labels": facts_of(run, "config/labels.json")}


def check_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that the data are those of the run; what one of the two identities lacks is not compared.

    Raises:
        ConfigError: they differ.
    """
    differences = [
        sentence
        for key, describe in DIFFERENCES.items()
        if key in then and key in now and then[key] != now[key]
        for sentence in describe(then[key], now[key])
    ]
    if differences:
        raise ConfigError(
            "resume",
            "the data are not those with which this run was trained; nothing was written",
            found="; ".join(differences),
            allowed="the data as they were; or a new run, without resume=",
        )


def _label_contents(dataset: Dataset) -> dict[str, str]:
    contents = {}
    for name in dataset.targets:
        digest = hashlib.sha256()
        for part in dataset.splits.values():
            labels = part.numbers.get(name, part.labels[name])
            digest.update(np.ascontiguousarray(labels).tobytes())
        contents[f"labels of {name}"] = digest.hexdigest()[:16]
    return contents


def _input_contents(dataset: Dataset) -> dict[str, str]:
    """Return a checksum of some rows of each input as it is in the files.

    Streamed inputs are left out, because they would have to be read, and picture files, because versions of
    Pillow decode them differently.
    """
    contents = {}
    for source in dataset.inputs.values():
        if dataset.streamed or getattr(source, "files", False):
            continue
        for key in source.specs():
            digest = hashlib.sha256()
            for part in dataset.splits.values():
                rows = np.linspace(0, len(part.rows) - 1, min(SAMPLE, len(part.rows))).astype(int)
                digest.update(cell_hashes(np.asarray(part.raw[key][rows])).tobytes())
            contents[f"input {key}"] = digest.hexdigest()[:16]
    return contents


def _fingerprints(then: str, now: str) -> list[str]:
    return [f"the rows or their splits: fingerprint {then[:8]}, now {now[:8]}"]


def _rows(then: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    return [
        f"{split}: {count:,} rows, now {now.get(split, 0):,}"
        for split, count in then.items()
        if now.get(split) != count
    ]


def _labels(then: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> list[str]:
    return [f"{head}: {_names(old, now.get(head, []))}" for head, old in then.items() if now.get(head) != old]


def _names(then: list[str], now: list[str]) -> str:
    gone = [name for name in then if name not in now]
    new = [name for name in now if name not in then]
    parts = [
        f"{word} {', '.join(map(repr, names[:SHOWN]))}{' …' if len(names) > SHOWN else ''}"
        for word, names in (("without", gone), ("with the new", new))
        if names
    ]
    return " and ".join(parts) or "the classes have another order"


def _schema(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {then.get(name, 'none')}, now {now.get(name, 'none')}"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]


def _contents(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    changed = [name for name, digest in then.items() if name in now and now[name] != digest]
    return (
        [f"other values: {', '.join(changed[:SHOWN])}{' …' if len(changed) > SHOWN else ''}"]
        if changed
        else []
    )


DIFFERENCES: dict[str, Any] = {
    "rows": _rows,
    "labels": _labels,
    "targets": _schema,
    "inputs": _schema,
    "contents": _contents,
    "fingerprint": _fingerprints,
}
