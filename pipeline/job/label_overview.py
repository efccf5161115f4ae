"""A table of the labels: each head's labels in each split, and the baseline, the best constant prediction."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig

from pipeline import data
from pipeline.errors import printable
from pipeline.job.job import Job
from pipeline.notices import in_sweep
from pipeline.page.text_table import text_table
from pipeline.terminal import terminal_width

MOST_LINES = 24  # on the terminal; of more, those of the training rows
SHOWN_CLASSES = 6  # of one head, on the terminal


def overview(job: Job) -> pd.DataFrame:
    """Return a table with one row per head, column of its target, and split.

    It has the columns of `pipeline.data.summary`, then `constant` and `constant_loss`: the best constant
    prediction for the training rows (a class name, or a number in original units), and its loss on the split
    (None without labels).
    """
    table = data.summary(job.dataset)
    baselines = _baselines(job)
    constants, losses = [], []
    for _, row in table.iterrows():
        names = job.dataset.targets[row["target"]].names
        position = names.index(row["column"]) if row["column"] in names else 0
        constants.append(baselines[row["target"]][position])
        losses.append(job.references[row["split"]][row["target"]].baseline_loss)
    return table.assign(constant=constants, constant_loss=losses)


def show(job: Job) -> None:
    """Print the overview if stderr is a terminal; of a sweep's trials only the first one does."""
    if sys.stderr.isatty() and not (in_sweep() and HydraConfig.get().job.num):
        text = as_text(overview(job), terminal_width(sys.stderr), brief=True)
        print(printable(text), file=sys.stderr)


def sentence(job: Job) -> str:
    """Return the rows, the labels that are missing, the leaks that were found, and the size of the model."""
    rows = ", ".join(f"{split} {len(part.rows):,}" for split, part in job.dataset.splits.items())
    shares = job.dataset.labelled_shares()
    lacking = [f"{name} {100 * shares[name]:.3g} %" for name in job.heads if shares[name] < 1]
    leaks = len(job.dataset.leaks)
    return "; ".join(
        [
            f"{rows} rows",
            *([f"labelled training rows: {', '.join(lacking)}"] if lacking else []),
            *([f"{leaks} data leak{'s' if leaks > 1 else ''}"] if leaks else []),
            f"{job.model.count_params():,} weights",
        ]
    )


def as_text(table: pd.DataFrame, width: int | None = None, *, brief: bool = False) -> str:
    """Format the table for a terminal: one row per head, column and split.

    Args:
        width: as in `text_table`.
        brief: of more than `MOST_LINES` rows, only those of the training rows.
    """
    lines = [["head", "split", "rows", "labelled", "best constant", "its loss", "classes, or quartiles"]]
    is_long = brief and len(table) > MOST_LINES
    for _, row in (table[table["split"] == "train"] if is_long else table).iterrows():
        head = row["target"] if row["column"] in ("", row["target"]) else f"{row['target']}.{row['column']}"
        loss = "-" if row["constant_loss"] is None or np.isnan(row["constant_loss"]) else row["constant_loss"]
        cells = [head, row["split"], row["rows"], row["labelled"], row["constant"], loss, _distribution(row)]
        lines.append([_text(cell) for cell in cells])
    more = "\n(the other splits: data/summary.csv of the run)" if is_long else ""
    return text_table(lines, width) + more


def write(folder: Path, job: Job) -> None:
    """Write `summary.csv`, the overview, and `leaks.json`, the leaks between splits and into inputs."""
    folder.mkdir()
    table = overview(job)
    counts = [
        json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else "" for cell in table["counts"]
    ]
    table.assign(counts=counts).to_csv(folder / "summary.csv", index=False)
    leaks = [vars(leak) for leak in job.dataset.leaks]
    (folder / "leaks.json").write_text(
        json.dumps(leaks, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
    )


def _baselines(job: Job) -> dict[str, list[Any]]:
    """Return the best constant prediction of each head, for each column of its target."""
    references = job.references["train"]
    raw = {name: np.asarray(references[name].baseline, np.float32)[None] for name in job.model.output}
    found: dict[str, list[Any]] = {}
    for name, presented in job.presenter(raw).items():
        target, outputs = job.dataset.targets[name], np.asarray(presented)
        if target.kind == "category":
            found[name] = [target.names[int(outputs[0].argmax())]]
        else:
            found[name] = [float(value) for value in job.heads[name].point(outputs)[0]]
    return found


def _distribution(row: "pd.Series[Any]") -> str:
    """Return the counts of the classes, or the quartiles of the numbers."""
    if not isinstance(row["counts"], dict):
        quantiles = [row[word] for word in ("min", "q25", "median", "q75", "max")]
        return " … ".join(_text(value) for value in quantiles)
    classes = sorted(row["counts"].items(), key=lambda item: -item[1])
    words = [f"{name} {_text(count)}" for name, count in classes[:SHOWN_CLASSES]]
    return ", ".join(words) + (f", … {len(classes)} classes" if len(classes) > SHOWN_CLASSES else "")


def _text(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
