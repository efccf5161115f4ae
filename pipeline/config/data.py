"""Checks the node `data`: kinds, columns, files and the split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config.parts import arguments
from pipeline.data_options import (
    COLUMN_OPTIONS,
    FOLD_OPTIONS,
    INPUT_KINDS,
    SAMPLE_WEIGHT,
    SCALES,
    SCALES_OF_KIND,
    SPLIT_FORMS,
    SPLIT_ROWS,
    SPLITS,
    TARGET_KINDS,
    TESTED,
    TEXT_TABLES,
    WORKBOOKS,
    optional_options,
)
from pipeline.errors import ConfigError
from pipeline.paths import expand
from pipeline.rules import (
    ANYTHING,
    COUNT,
    FLAG,
    MAPPING,
    POSITIVE,
    TEXT,
    TEXTS,
    Rule,
    check_node,
    list_of,
    one_of,
    written,
)

FRACTIONS = Rule(
    lambda value: list_of(POSITIVE).test(value) and len(value) == 3 and abs(sum(value) - 1) < 1e-6,
    "three numbers above 0 that add up to 1: [train, val, test]",
    {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 3, "maxItems": 3},
)

SIGN = Rule(lambda value: isinstance(value, str) and len(value) == 1, "one character")
FILE_RULES = {
    "separator": SIGN,
    "decimal": one_of(".", ","),
    "quote": SIGN,
    "escape": SIGN,
    "thousands": Rule(lambda value: isinstance(value, str) and len(value) <= 1, "one character, or none"),
    "encoding": TEXT,
    "sheet": TEXT,
    "missing": list_of(TEXT),
}

SPLIT_RULES = {
    **dict.fromkeys(("column", "time", "group"), TEXT),
    "stratify": TEXTS,
    "rows": one_of(*SPLIT_ROWS),
    **dict.fromkeys(SPLITS, ANYTHING),
    "fractions": FRACTIONS,
    "seed": COUNT,
    "day_first": FLAG,
    "folds": Rule(lambda value: COUNT.test(value) and 2 <= value <= 1000, "a whole number from 2 to 1000"),
    "fold": COUNT,
    "tested": one_of(*TESTED),
}
ALL_FOLDS = "python -m pipeline.train -m sweep=folds trains them all"


def check_entries(config: dict[str, Any]) -> None:
    """Every input and target has a known kind, the keys of that kind, and columns of existing sources."""
    for group, kinds in (("inputs", INPUT_KINDS), ("targets", TARGET_KINDS)):
        for name, entry in config["data"][group].items():
            key = f"data.{group}.{name}"
            MAPPING.check(key, entry)
            if "_target_" in entry:
                continue
            kind = entry.get("kind")
            if not TEXT.test(kind) or kind not in kinds:
                raise ConfigError(
                    f"{key}.kind", f"there is no such kind of {group[:-1]}", found=kind, allowed=kinds
                )
            required, optional = arguments(kinds[kind], key)
            if group == "targets":
                optional[SAMPLE_WEIGHT] = TEXT
            check_node(key, entry, {"kind": TEXT, **required}, optional=optional)
            if "scale" in entry:
                scales = SCALES_OF_KIND.get(kind, SCALES)
                one_of(*scales).check(f"{key}.scale", entry["scale"])
            for word in (*COLUMN_OPTIONS, SAMPLE_WEIGHT):
                _check_columns(f"{key}.{word}", entry.get(word, []), config["data"]["sources"])
            if isinstance(entry.get("names"), str):
                _check_columns(f"{key}.names", entry["names"], config["data"]["sources"])
            if kind == "series":
                _check_series(key, entry, config["data"])
            if kind == "table" and not {"numeric", "categorical", "dates"} & set(entry):
                allowed = "numeric: […], categorical: […], dates: […], one or more of them"
                raise ConfigError(key, "the table has no columns", allowed=allowed)


def _check_series(key: str, entry: dict[str, Any], data: dict[str, Any]) -> None:
    named = [option for option in ("column", "columns") if entry.get(option) is not None]
    if len(named) != 1:
        raise ConfigError(
            key, "a series needs either `column` or `columns`", found=", ".join(named), allowed="one of them"
        )
    if entry.get("order") is not None and not data.get("join"):
        raise ConfigError(
            "data.join",
            f"{key}.order takes a row for each step, but no column says of which series",
            allowed="the column with the key of each series, in every source",
        )


def _check_columns(key: str, columns: str | list[str], sources: dict[str, Any]) -> None:
    for column in [columns] if isinstance(columns, str) else columns:
        if column.partition(".")[0] not in sources:
            allowed = [f"{name}.<column>" for name in sources]
            raise ConfigError(key, "there is no such source", found=column, allowed=allowed)


def check_split(config: dict[str, Any]) -> None:
    """The split has one of its three forms: by column, by fractions or by time."""
    split, sources = config["data"]["split"], config["data"]["sources"]
    form = next((form for form in SPLIT_FORMS if form in split), None)
    if form is None:
        raise ConfigError(
            "data.split", "the way to split is missing", found=", ".join(split), allowed=SPLIT_FORMS
        )
    names = (SPLIT_FORMS[form].required, optional_options(form, folds="folds" in split))
    required, optional = ({name: SPLIT_RULES[name] for name in of_form} for of_form in names)
    for option in split:
        if option in FOLD_OPTIONS and "folds" not in split:
            problem = "the number of folds is missing"
            raise ConfigError(
                "data.split.folds", problem, found=f"{option}: {split[option]}", allowed=ALL_FOLDS
            )
        if option in SPLIT_RULES and option not in (*required, *optional):
            raise ConfigError(
                f"data.split.{option}",
                f"a split by {form} does not take this option; Hydra keeps it from the data's own split",
                found=split[option],
                allowed=f"data.split.{option}=null drops it",
            )
    check_node("data.split", split, required, optional=optional)
    for word in ("column", "time", "group"):
        _check_columns(f"data.split.{word}", split.get(word, []), sources)
    if "folds" in split:
        check_folds(split)
        _check_fold(split)
    if form == "column":
        _check_split_values(split)
    if form == "time" and ("fractions" in split) == bool({"val", "test"} & set(split)):
        allowed = "fractions; or val and test, the times at which they start"
        raise ConfigError(
            "data.split",
            "a split by time needs either fractions or starting times",
            found=", ".join(split),
            allowed=allowed,
        )
    stratify, targets = split.get("stratify", []), config["data"]["targets"]
    for name in [stratify] if isinstance(stratify, str) else stratify:
        if name not in targets and name.partition(".")[0] not in sources:
            known = [*targets, *(f"{source}.<column>" for source in sources)]
            raise ConfigError("data.split.stratify", "there is no such target", found=name, allowed=known)


def check_folds(split: dict[str, Any]) -> None:
    """The number of folds, and what they test, are allowed; `fold` may be missing, as a sweep varies it."""
    for option in ("folds", "tested"):
        if option in split:
            SPLIT_RULES[option].check(f"data.split.{option}", split[option])
    if split.get("tested") == "once" and split["folds"] < 3 and "time" not in split:
        problem = "with tested: once a fold is tested, the next one validates, and the others train"
        raise ConfigError("data.split.folds", problem, found=split["folds"], allowed="3 or more")
    if split.get("rows", SPLIT_ROWS[0]) == "named":
        problem = "folds follow from whole rows; `named` is for runs of version 0.1"
        raise ConfigError("data.split.rows", problem, found="named", allowed=SPLIT_ROWS[0])


def _check_fold(split: dict[str, Any]) -> None:
    folds, fold = split["folds"], split.get("fold")
    if fold is None or fold >= folds:
        problem = "this run needs the number of the fold that it holds out"
        raise ConfigError("data.split.fold", problem, found=fold, allowed=f"0 to {folds - 1}; {ALL_FOLDS}")


def _check_split_values(split: dict[str, Any]) -> None:
    values = [split[name] for name in ("train", "val", "test")]
    texts = [str(one) for value in values for one in (value if isinstance(value, list) else [value])]
    if len(set(texts)) < len(texts):
        found = {name: split[name] for name in ("train", "val", "test")}
        raise ConfigError(
            "data.split",
            "two splits have the same value",
            found=found,
            allowed="different values in train, val and test",
        )


def _check_file_options(key: str, source: dict[str, Any]) -> None:
    """Every option is for the format of at least one file."""
    paths = [source["path"]] if isinstance(source["path"], str) else source["path"]
    for option in source.keys() - {"path", "missing"}:
        suffixes = WORKBOOKS if option == "sheet" else TEXT_TABLES
        names = [path.lower() for path in paths]
        known = [name for name in names if "." in name and not name.endswith("*")]
        if len(known) == len(names) and not any(suffix in name for suffix in suffixes for name in names):
            raise ConfigError(
                f"{key}.{option}",
                "no file of this source has a format with this option",
                found=", ".join(paths),
                allowed=f"{option} of {', '.join(suffixes)} files",
            )


def check_files(config: dict[str, Any], folders: Sequence[Path]) -> None:
    """Every file of the sources exists.

    Args:
        config: the whole config as plain dicts and lists.
        folders: searched for relative paths, in this order.
    """
    for name, source in config["data"]["sources"].items():
        key = f"data.sources.{name}"
        if "." in name:
            raise ConfigError(
                key, "the name of a source must not have a dot", found=name, allowed="a name without a dot"
            )
        if isinstance(source, dict) and "_target_" in source:
            continue
        source = paths_of(source, key)
        if not TEXTS.test(source):
            raise ConfigError(
                key,
                "this is not a source",
                found=written(source),
                allowed="a file, a list of files, {path: <file>, separator: …}, or a mapping with a _target_",
            )
        for path in [source] if isinstance(source, str) else source:
            _check_exists(key, path, folders)


def paths_of(source: Any, key: str) -> Any:
    """The files of a source, given as they are or as `{path: …}` with options of how they are written.

    Raises:
        ConfigError: an option is unknown, or none of the files takes it.
    """
    if not (isinstance(source, dict) and "path" in source):
        return source
    check_node(key, source, {"path": TEXTS}, optional=FILE_RULES)
    _check_file_options(key, source)
    return source["path"]


def _check_exists(key: str, path: str, folders: Sequence[Path]) -> None:
    try:
        expand(path, folders, key)
    except ConfigError as error:
        beside = [
            str(Path(path).parent / file.name)
            for folder in folders
            for file in Path(folder, path).parent.glob("*.*")
        ]
        if not beside:
            raise
        places = ", ".join(map(str, folders))
        problem = f"{error.problem}; looked in {places}"
        raise ConfigError(key, problem, found=path, allowed=sorted(set(beside))[:20]) from error
