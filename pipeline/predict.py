"""Predictions of a finished run for raw rows: `python -m pipeline.predict run=<id> input=… output=…`."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import overrides, resolved, trusted
from pipeline.errors import ConfigError
from pipeline.heavy_imports import importing
from pipeline.paths import expand
from pipeline.rules import MAPPING, TEXT, TEXTS, Rule, check_node, list_of, or_null

SOME_REJECTED = 3  # exit code
KEYS = {
    "run": TEXT,
    "input": Rule(
        lambda value: TEXTS.test(value) or (MAPPING.test(value) and all(map(TEXTS.test, value.values()))),
        "a file, a list of files, or {source: file, …}",
    ),
    "output": TEXT,
    "key": or_null(TEXT),
    "missing": list_of(TEXT),
    "root": or_null(TEXT),
    "tracking": MAPPING,
    "trusted_modules": list_of(TEXT),
}


def check(cfg: DictConfig) -> None:
    """What is wrong with the keys, and can be seen without the run.

    Raises:
        ConfigError: an unknown key, a value that is not allowed, a file that is not there.
    """
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    given = config["input"]
    for paths in given.values() if isinstance(given, Mapping) else [given]:
        expand(paths, [Path.cwd()], "input")
    if Path(config["output"]).suffix != ".parquet":
        raise ConfigError("output", "not a .parquet file", found=config["output"], allowed="<name>.parquet")


@verb(config_name="predict", check=check)
def main(cfg: DictConfig) -> None:
    """Predict the rows of a file."""
    started = time.perf_counter()
    rows, rejected = run(resolved(cfg), trusted(overrides()))
    rate = rows / (time.perf_counter() - started)
    print(f"{rows:,} rows -> {cfg.output} ({rate:,.0f} rows/s, start included)")
    if rejected:
        print(
            f"{rejected:,} of them could not be read: {Path(cfg.output).with_suffix('.rejected.csv')}",
            file=sys.stderr,
        )
        raise SystemExit(SOME_REJECTED)


def run(config: dict[str, Any], trusted_modules: list[str]) -> tuple[int, int]:
    """Predict all rows; returns how many there are and how many of them were rejected."""
    with importing():
        from pipeline.config.make import maker
        from pipeline.data.unlabelled import RowReader
        from pipeline.finished.predictions import predict
        from pipeline.finished.run import FinishedRun
        from pipeline.tracking import find_run

    finished = FinishedRun.of(find_run(config["run"], config["tracking"]["uri"]), maker(trusted_modules))
    for one in finished.inputs.values():
        if config["root"] is not None and one.kind == "image":
            one.root = config["root"]
    reader = RowReader(
        config["input"],
        finished.inputs,
        finished.specs,
        missing=config["missing"],
        join=finished.cfg.data.get("join"),
        key=config["key"],
        folders=[Path.cwd()],
    )
    return predict(finished, reader, Path(config["output"]))


if __name__ == "__main__":
    main()
