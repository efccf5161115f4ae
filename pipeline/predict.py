"""Predicts raw rows with a finished run: `python -m pipeline.predict run=<id> input=… output=…`."""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import overrides, resolved, trusted
from pipeline.config.data import paths_of
from pipeline.errors import ConfigError, printable
from pipeline.heavy_imports import importing
from pipeline.paths import expand, refuse_input
from pipeline.rules import FLAG, MAPPING, SHARE, TEXT, TEXTS, Rule, check_node, list_of, or_null
from pipeline.terminal import show

REJECTED, REJECTED_COLUMNS = ".rejected.csv", ("row", "column", "reason")  # beside the output
EXPLAINED = ".explained.parquet"  # beside the output: why each row is predicted so
DRIFT = ".drift.csv"  # beside the output: how the rows differ from those of the training
SOME_REJECTED = 3  # exit code
KEYS = {
    "run": TEXT,
    "input": Rule(
        lambda value: TEXTS.test(value) or MAPPING.test(value),
        "a file, a list of files, or {source: file, …}",
    ),
    "output": TEXT,
    "key": or_null(TEXT),
    "missing": list_of(TEXT),
    "explain": FLAG,
    "root": or_null(TEXT),
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
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    files = config["input"]
    named = files.items() if isinstance(files, Mapping) else [("", files)]
    groups = [paths_of(entry, f"input.{name}".rstrip(".")) for name, entry in named]
    for paths in groups:
        if not TEXTS.test(paths):
            allowed = "a file, a list of files, {source: file, …}, or {source: {path: file, sheet: …}, …}"
            raise ConfigError("input", "this is no file", found=paths, allowed=allowed)
    read = [file for paths in groups for file in expand(paths, [Path.cwd()], "input")]
    if Path(config["output"]).suffix != ".parquet":
        raise ConfigError(
            "output", "must be a .parquet file", found=config["output"], allowed="<name>.parquet"
        )
    output = Path(config["output"])
    ours = {
        "": _has_predictions,
        REJECTED: _has_rejects,
        DRIFT: _has_differences,
        EXPLAINED: _has_explanations,
    }
    for suffix, is_ours in ours.items():
        written = output.with_suffix(suffix) if suffix else output
        refuse_input(written, read, "output")
        if written.exists() and not is_ours(written):
            problem = "this file exists, and an earlier prediction did not write it"
            raise ConfigError("output", problem, found=written, allowed="another name")


def _columns_of(file: Path) -> list[str]:
    """The columns of a parquet file; none if it is another file."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        return list(pq.read_schema(file).names)
    except (ArrowException, OSError):
        return []


def _has_predictions(file: Path) -> bool:
    names = _columns_of(file)
    return names[:1] == ["row"] and any(name.endswith("_predicted") for name in names)


def _has_rejects(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().strip() == ",".join(REJECTED_COLUMNS)


def _has_explanations(file: Path) -> bool:
    return _columns_of(file)[:1] == ["row"] and not _has_predictions(file)


def _has_differences(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().startswith("column,differs,")


@verb(config_name="predict", check=check, texts=("run", "input", "output", "key", "root", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Predicts the rows of a file."""
    started = time.perf_counter()
    rows, rejected = run(resolved(cfg), trusted(overrides()))
    rate = rows / (time.perf_counter() - started)
    show(f"{rows:,} rows -> {cfg.output} ({rate:,.0f} rows/s, including the start)", sys.stdout)
    if rejected:
        listed = Path(cfg.output).with_suffix(REJECTED)
        many = (
            "1 row could not be read; it is"
            if rejected == 1
            else f"{rejected:,} rows could not be read; they are"
        )
        show(f"{many} listed in {listed}", sys.stderr)
        raise SystemExit(SOME_REJECTED)


def run(config: dict[str, Any], trusted_modules: list[str], *, temporary: bool = False) -> tuple[int, int]:
    """Predicts all rows; returns their number and the number of rejected rows.

    Args:
        temporary: the output is read and deleted, so no line names a file beside it.
    """
    with importing():
        from pipeline.config.make import maker
        from pipeline.data.source import missing_words
        from pipeline.data.unlabelled import RowReader
        from pipeline.finished.explaining import Explanations, explainer_of
        from pipeline.finished.new_rows import NewRows
        from pipeline.finished.predictions import predict
        from pipeline.finished.run import FinishedRun
        from pipeline.tracking import chosen_run

    stored = chosen_run(config["run"], config["tracking"]["uri"])
    finished = FinishedRun.of(stored, maker(trusted_modules), config["level"])
    images: list[Any] = [source for source in finished.inputs.values() if source.kind == "image"]
    if config["root"] is not None:
        for image in images:
            image.root = config["root"]
    reader = RowReader(
        config["input"],
        finished.inputs,
        finished.specs,
        missing=config["missing"],
        words=missing_words(resolved(finished.cfg)["data"]["sources"]),
        join=finished.cfg.data.get("join"),
        key=config["key"],
        folders=[Path.cwd()],
    )
    output, seen = Path(config["output"]), NewRows(stored, finished, config["missing"])
    watchers = [lambda rows: seen.add(rows.arrays)]
    with ExitStack() as files:
        if config.get("explain"):
            explained = Explanations(output.with_suffix(EXPLAINED), finished, explainer_of(stored, finished))
            watchers.append(files.enter_context(explained).add)
        done = predict(finished, reader, output, *watchers)
    if config.get("explain"):
        show(printable(explained.sentence()), sys.stdout)
    seen.write(output.with_suffix(DRIFT))
    tests = f"; all tests: {output.with_suffix(DRIFT)}" if seen.before and not temporary else ""
    show(printable(seen.sentence() + tests), sys.stdout)
    return done


if __name__ == "__main__":
    main()
