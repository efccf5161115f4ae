"""Writes a run's model in another format, verified: `python -m pipeline.export run=<id> format=… out=…`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import folders, overrides, resolved, trusted
from pipeline.errors import ConfigError, printable
from pipeline.heavy_imports import importing
from pipeline.paths import check_place
from pipeline.rules import MAPPING, TEXT, check_node, list_of, one_of, or_null
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.config.make import Make
    from pipeline.finished.exporting import Stored
    from pipeline.finished.run import FinishedRun
    from pipeline.tracking import StoredRun

SUFFIXES = {"saved_model": "", "litert": ".tflite", "onnx": ".onnx"}
PACKAGES = {"saved_model": (), "litert": (), "onnx": ("tf2onnx", "onnx", "onnxruntime")}
KEYS = {
    "run": TEXT,
    "format": one_of(*SUFFIXES),
    "out": TEXT,
    "tracking": MAPPING,
    "trusted_modules": list_of(TEXT),
}


def check(cfg: DictConfig) -> None:
    """Checks all keys that can be checked without the run.

    Raises:
        ConfigError: an unknown key, a value that is not allowed, a file that exists, or a missing package.
    """
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    name, out = config["format"], Path(config["out"])
    suffix = SUFFIXES[name]
    if suffix and out.suffix != suffix:
        raise ConfigError(
            "out", f"must be a {suffix} file for this format", found=out, allowed=f"<name>{suffix}"
        )
    if out.exists() or out.is_symlink():
        raise ConfigError("out", "this file or folder exists already", found=out, allowed="another name")
    check_place(out, "out")
    if missing := [package for package in PACKAGES[name] if find_spec(package) is None]:
        raise ConfigError(
            "format",
            f"needs packages that are not installed: {', '.join(missing)}",
            found=name,
            allowed=f"another format; or first: pip install {' '.join(PACKAGES[name])}",
        )


@verb(config_name="export", check=check, texts=("run", "out", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Exports a run's model."""
    show(printable(run(resolved(cfg), trusted(overrides()))), sys.stdout)


def run(config: dict[str, Any], trusted_modules: list[str]) -> str:
    """Writes and verifies the file; returns the text for the terminal.

    Raises:
        ConfigError: the run's data is not there any more or has changed, the format cannot hold the model,
            or the written file computes something else.
    """
    with importing():
        from pipeline.config.make import maker
        from pipeline.finished.exporting import TOLERANCE, export
        from pipeline.finished.run import FinishedRun
        from pipeline.tracking import chosen_run

    stored_run = chosen_run(config["run"], config["tracking"]["uri"])
    make = maker(trusted_modules)
    finished = FinishedRun.of(stored_run, make)
    out = Path(config["out"])
    compared = export(finished, stored_rows(stored_run, finished, make), config["format"], out)
    logged = "" if compared.logged is None else f"from the logged predictions is {compared.logged:.2g}, "
    return (
        f"{config['format']} -> {out} ({_size(out) / 2**20:,.1f} MiB)\n"
        f"compared on {compared.rows:,} stored rows, and on {compared.without:,} without an input: the "
        f"largest difference\n{logged}from the logged model {'' if logged else 'is '}{compared.model:.2g} "
        f"(allowed: {TOLERANCE:g})"
    )


def stored_rows(stored_run: "StoredRun", finished: "FinishedRun", make: "Make") -> "Stored":
    """The run's validation rows, an ensemble's test rows, and what was logged for them.

    Of an ensemble that could not be tested, they are those of its first member, with their labels only.
    """
    from pipeline.comparison.logged_rows import logged_rows
    from pipeline.finished.exporting import Stored
    from pipeline.finished.labelled_rows import SPLITS_TAG, read_rows
    from pipeline.finished.members import first_member
    from pipeline.job.resume import data_folders

    which = "test" if SPLITS_TAG in stored_run.tags else "val"  # the validation rows trained the ensemble
    logged_by = stored_run if stored_run.has(f"predictions/{which}.parquet") else first_member(stored_run)
    try:
        found = read_rows(
            stored_run,
            finished,
            resolved(finished.cfg)["data"],
            which=which,
            own=logged_by is stored_run,
            folders=[*folders(), *data_folders(stored_run.run_id)],
            make=make,
        ).rows
    except ConfigError as error:
        problem = f"an export is compared on the run's {which} rows, which cannot be read"
        raise ConfigError(
            "run",
            problem,
            found=f"{error.key}: {error.problem}",
            allowed="the data of the training, where it was",
        ) from error
    logged = logged_rows(logged_by, which)
    if logged_by is not stored_run:
        logged = logged[["row", *(f"{head}_label" for head in finished.columns)]]
    return Stored(found.rows, found.raw, logged)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
