"""The data node: kinds, columns, files and the split."""

import glob
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from pipeline.config.rules import (
    ANYTHING,
    COUNT,
    MAPPING,
    POSITIVE,
    POSITIVE_COUNT,
    TEXT,
    TEXTS,
    Rule,
    check_node,
    list_of,
    one_of,
    written,
)
from pipeline.errors import ConfigError

STANDARD = one_of("standard", "none")
SIZE = Rule(
    lambda value: list_of(POSITIVE_COUNT).test(value) and len(value) == 2, "[height, width], whole numbers"
)
FRACTIONS = Rule(
    lambda value: list_of(POSITIVE).test(value) and len(value) == 3 and abs(sum(value) - 1) < 1e-6,
    "three numbers above 0 that add up to 1: [train, val, test]",
)

# kind: (required keys, optional keys)
INPUTS: dict[str, tuple[dict[str, Rule], dict[str, Rule]]] = {
    "image": ({"column": TEXT}, {"root": TEXT, "size": SIZE, "scale": one_of("auto", "standard", "none")}),
    "series": ({"column": TEXTS}, {"length": TEXT, "scale": STANDARD}),
    "vector": ({"column": TEXTS}, {"scale": STANDARD}),
    "table": ({}, {"numeric": TEXTS, "categorical": TEXTS, "scale": STANDARD}),
    "text": ({"column": TEXT}, {"tokens": POSITIVE_COUNT, "length": POSITIVE_COUNT}),
}
TARGETS: dict[str, tuple[dict[str, Rule], dict[str, Rule]]] = {
    "category": ({"column": TEXT}, {"names": TEXTS}),
    "number": ({"column": TEXTS}, {"scale": STANDARD}),
    "binary": ({"column": TEXT}, {}),
    "labels": ({"column": TEXTS}, {}),
}
COLUMN_KEYS = {
    ("inputs", "image"): ("column",),
    ("inputs", "series"): ("column", "length"),
    ("inputs", "vector"): ("column",),
    ("inputs", "table"): ("numeric", "categorical"),
    ("inputs", "text"): ("column",),
    ("targets", "category"): ("column",),
    ("targets", "number"): ("column",),
    ("targets", "binary"): ("column",),
    ("targets", "labels"): ("column",),
}
SPLITS: dict[str, tuple[dict[str, Rule], dict[str, Rule]]] = {
    "column": ({"column": TEXT, "train": ANYTHING, "val": ANYTHING, "test": ANYTHING}, {}),
    "time": ({"time": TEXT, "fractions": FRACTIONS}, {}),
    "fractions": ({"fractions": FRACTIONS}, {"stratify": TEXT, "group": TEXT, "seed": COUNT}),
}


def check_entries(config: dict[str, Any]) -> None:
    """Every input and target is of a known kind, has that kind's keys, and names columns of known sources."""
    for group, kinds in (("inputs", INPUTS), ("targets", TARGETS)):
        for name, entry in config["data"][group].items():
            key = f"data.{group}.{name}"
            MAPPING.check(key, entry)
            if "_target_" in entry:
                continue
            kind = entry.get("kind")
            if kind not in kinds:
                raise ConfigError(
                    f"{key}.kind", f"there is no such kind of {group[:-1]}", found=kind, allowed=kinds
                )
            required, optional = kinds[kind]
            check_node(key, entry, {"kind": TEXT, **required}, optional=optional)
            for word in COLUMN_KEYS[group, kind]:
                _check_columns(f"{key}.{word}", entry.get(word, []), config["data"]["sources"])
            if kind == "table" and not {"numeric", "categorical"} & set(entry):
                raise ConfigError(
                    key, "a table without columns", allowed="numeric: [...], categorical: [...], or both"
                )


def _check_columns(key: str, columns: str | list[str], sources: dict[str, Any]) -> None:
    for column in [columns] if isinstance(columns, str) else columns:
        source, dot, _ = column.partition(".")
        if not dot or source not in sources:
            raise ConfigError(
                key,
                "not a column of a source",
                found=column,
                allowed=[f"{name}.<column>" for name in sources],
            )


def check_split(config: dict[str, Any]) -> None:
    """The split has one of the three forms: by column, by fractions, by time."""
    split, sources = config["data"]["split"], config["data"]["sources"]
    form = next((form for form in SPLITS if form in split), None)
    if form is None:
        raise ConfigError("data.split", "not a form of split", found=", ".join(split), allowed=SPLITS)
    required, optional = SPLITS[form]
    check_node("data.split", split, required, optional=optional)
    for word in ("column", "time", "group"):
        _check_columns(f"data.split.{word}", split.get(word, []), sources)
    if form == "column" and len({str(split[name]) for name in ("train", "val", "test")}) < 3:
        found = {name: split[name] for name in ("train", "val", "test")}
        raise ConfigError("data.split", "two splits of the same value", found=found, allowed="three values")
    if "stratify" in split and split["stratify"] not in config["data"]["targets"]:
        raise ConfigError(
            "data.split.stratify",
            "there is no such target",
            found=split["stratify"],
            allowed=config["data"]["targets"],
        )


def check_files(config: dict[str, Any], folders: Sequence[Path]) -> None:
    """Every file of the sources is there, and every image folder.

    Args:
        config: the whole config, plain.
        folders: where relative paths are looked for, in turn.
    """
    for name, source in config["data"]["sources"].items():
        key = f"data.sources.{name}"
        if "." in name:
            raise ConfigError(
                key, "a source's name cannot have a dot", found=name, allowed="letters, digits, _ and -"
            )
        if isinstance(source, dict) and "_target_" in source:
            continue
        if not TEXTS.test(source):
            raise ConfigError(
                key,
                "not a source",
                found=written(source),
                allowed="a file, a list of files, or a mapping with a _target_",
            )
        for path in [source] if isinstance(source, str) else source:
            _check_exists(key, path, folders)
    for name, entry in config["data"]["inputs"].items():
        if entry.get("kind") == "image" and "root" in entry:
            _check_exists(f"data.inputs.{name}.root", entry["root"], folders)


def _check_exists(key: str, path: str, folders: Sequence[Path]) -> None:
    if path.startswith("pkg://"):
        looked = _package_folders(path)
        path = path.removeprefix("pkg://").partition("/")[2]
    else:
        looked = [Path(folder) for folder in folders]
    # Not Path.glob: it takes neither absolute patterns nor names with brackets.
    if not any((folder / path).exists() or glob.glob(str(folder / path)) for folder in looked):  # noqa: PTH207
        beside = [
            str(file.relative_to(folder)) for folder in looked for file in (folder / path).parent.glob("*.*")
        ]
        places = ", ".join(str(folder) for folder in looked) or "(no such package)"
        raise ConfigError(
            key, f"there is no such file; looked in {places}", found=path, allowed=sorted(beside)[:20]
        )


def _package_folders(path: str) -> list[Path]:
    """Folders of the package in `pkg://package.name/file`, found without running the package's code."""
    places: list[str] | None = None
    for name in path.removeprefix("pkg://").partition("/")[0].split("."):
        spec = PathFinder.find_spec(name, places)
        if spec is None or spec.submodule_search_locations is None:
            return []
        places = list(spec.submodule_search_locations)
    return [Path(place) for place in places or ()]
