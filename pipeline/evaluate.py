"""Evaluates a finished run on labelled rows, its own or new ones: `python -m pipeline.evaluate run=<id>`."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import choices, folders, overrides, resolved, trusted
from pipeline.config.data import check_entries, check_files, check_split, paths_of
from pipeline.errors import ConfigError, printable
from pipeline.heavy_imports import importing
from pipeline.paths import expand
from pipeline.rules import COUNT, MAPPING, SHARE, TEXT, Rule, check_node, is_whole, list_of, one_of, or_null
from pipeline.terminal import show

WORD = Rule(lambda value: TEXT.test(value) or is_whole(value), "a name")  # a column may be called 2024
KEYS = {
    "run": TEXT,
    "split": or_null(one_of("train", "val", "test", "all")),
    "sources": or_null(MAPPING),
    "name": or_null(
        Rule(lambda value: re.fullmatch(r"[\w-]+", str(value)) is not None, "letters, digits, _ and -")
    ),
    "resamples": COUNT,
    "by": Rule(
        lambda value: WORD.test(value) or list_of(WORD).test(value), "a column or a head, or a list of them"
    ),
    "bins": Rule(lambda value: is_whole(value) and value >= 2, "a whole number of at least 2"),
    "level": or_null(SHARE),
    "tracking": MAPPING,
    "trusted_modules": list_of(TEXT),
}


def check(cfg: DictConfig) -> None:
    """Checks all keys that can be checked without the run.

    Raises:
        ConfigError: an unknown key, a value that is not allowed, or a file that does not exist.
    """
    config = resolved(cfg)
    check_node("", config, KEYS, optional={"data": MAPPING})
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT), "folder": TEXT})
    if config["sources"] is not None and "data" in config:
        raise ConfigError(
            "sources",
            "`sources` are new files for the run's own data and cannot be combined with other data",
            found=config["sources"],
            allowed="either sources=… or data=…",
        )
    for name, entry in (config["sources"] or {}).items():
        expand(paths_of(entry, f"sources.{name}"), folders(), "sources")
    if "data" in config:
        check_entries(config)
        check_files(config, folders())
    if "data" in config and "split" in config["data"]:
        check_split(config)


@verb(config_name="evaluate", check=check, texts=("run", "name", "data", "sources", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Evaluates a run."""
    from hydra.core.hydra_config import HydraConfig

    typed = overrides()
    chosen = choices(HydraConfig.get().runtime.choices).get("data")
    command = shlex.join(["python", "-m", "pipeline.evaluate", *typed])
    show(printable(run(resolved(cfg), chosen, command=command, typed=typed)), sys.stdout)


def run(config: dict[str, Any], chosen: str | None, *, command: str, typed: list[str]) -> str:
    """Evaluates a run and logs the results to it; returns the text for the terminal.

    Args:
        config: the composed config as plain dicts and lists.
        chosen: the option of `data/`; None for the run's own data.
        command: the command line, for the page.
        typed: the overrides; they may set `trusted_modules`.
    """
    with importing():
        from pipeline.config.make import maker
        from pipeline.data.source import missing_words, with_words
        from pipeline.finished import evaluation_record
        from pipeline.finished.evaluation import evaluate
        from pipeline.finished.run import FinishedRun
        from pipeline.finished.slicing import groupings, slices
        from pipeline.job.resume import data_folders
        from pipeline.tracking import chosen_run

    recorded = chosen_run(config["run"], config["tracking"]["uri"])
    name = free_name(config, chosen, recorded.metrics)
    make, by = maker(trusted(typed)), names(config["by"])
    finished = FinishedRun.of(recorded, make, config["level"])
    data = config.get("data") or resolved(finished.cfg)["data"]
    own = chosen is None and config["sources"] is None
    if config["sources"] is not None:
        check_sources(config["sources"], data["sources"])
        words = missing_words(data["sources"])
        new = {source: with_words(files, words.get(source)) for source, files in config["sources"].items()}
        data = {**data, "sources": {**data["sources"], **new}}
    found = evaluate(
        recorded,
        finished,
        data,
        which=config["split"] or ("test" if own else "all"),
        own=own,
        folders=[*folders(), *data_folders(recorded.run_id)],
        make=make,
        by=by,
    )
    divisions = groupings(found, by, config["bins"])
    return evaluation_record.log(
        *(recorded, finished, found, name),
        resamples=config["resamples"],
        command=command,
        slices=slices(found, divisions, config["resamples"]),
    )


def names(by: object) -> list[str]:
    """Return what the slices are made by, each once."""
    return list(dict.fromkeys(map(str, by if isinstance(by, list) else [by])))


def check_sources(sources: dict[str, Any], known: dict[str, Any]) -> None:
    """Raises ConfigError unless the run's data has all of these sources."""
    for name in sources:
        if name not in known:
            raise ConfigError("sources", "the run's data has no such source", found=name, allowed=known)


def free_name(config: dict[str, Any], chosen: str | None, metrics: dict[str, float]) -> str:
    """The name of the evaluation: the configured one, or a free one made of the data and the split.

    Raises:
        ConfigError: the run has an evaluation with the configured name.
    """
    taken = {
        metric.partition("/")[0].removeprefix("eval_") for metric in metrics if metric.startswith("eval_")
    }
    if config["name"] is not None:
        if config["name"] in taken:
            raise ConfigError(
                "name",
                "the run already has an evaluation with this name",
                found=config["name"],
                allowed=f"a name other than {', '.join(sorted(taken))}",
            )
        return str(config["name"])
    entries = (config["sources"] or {}).values()
    files = "_".join(Path(str(entry["path"] if isinstance(entry, dict) else entry)).stem for entry in entries)
    data = chosen or files
    split = config["split"] or ("all" if data else "test")
    stem = re.sub(r"[^\w-]+", "_", f"{data}_{split}" if data else split)
    numbered = (f"{stem}_{count}" for count in range(2, len(taken) + 3))
    return stem if stem not in taken else next(name for name in numbered if name not in taken)


if __name__ == "__main__":
    main()
