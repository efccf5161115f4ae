"""What there is to learn from: each head's labels in each split, and the best constant prediction."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline import data
from pipeline.job.job import Job
from pipeline.page.text_table import text_table

SHOWN = 6  # classes of one head in the table on a terminal


def overview(job: Job) -> pd.DataFrame:
    """A row per head, column of its target, and split.

    Columns: those of `pipeline.data.summary`, then `constant`, what a head predicts that looks at no input
    (a class name, or a number in its own unit), and `constant_loss`, its loss on the split (None without
    labels). The constant is the best one of the training rows.
    """
    table = data.summary(job.dataset)
    guesses = {name: _guess(job, name) for name in job.heads}
    constants, losses = [], []
    for _, row in table.iterrows():
        names = job.dataset.targets[row["target"]].names
        place = names.index(row["column"]) if row["column"] in names else 0
        constants.append(guesses[row["target"]][place])
        losses.append(job.references[row["split"]][row["target"]].baseline_loss)
    return table.assign(constant=constants, constant_loss=losses)


def show(job: Job) -> None:
    """Print the overview where a person sees it."""
    if sys.stderr.isatty():
        print(as_text(overview(job)), file=sys.stderr)


def as_text(table: pd.DataFrame) -> str:
    """The table for a terminal: one line per head, column and split."""
    lines = [["head", "split", "rows", "labelled", "best constant", "its loss", "classes, or quartiles"]]
    for _, row in table.iterrows():
        head = row["target"] if row["column"] in ("", row["target"]) else f"{row['target']}.{row['column']}"
        loss = "-" if row["constant_loss"] is None or np.isnan(row["constant_loss"]) else row["constant_loss"]
        cells = [head, row["split"], row["rows"], row["labelled"], row["constant"], loss, _spread(row)]
        lines.append([_word(cell) for cell in cells])
    return text_table(lines)


def write(folder: Path, job: Job) -> None:
    """`summary.csv`, the overview, and `leaks.json`, what would make a result look better than it is."""
    folder.mkdir()
    table = overview(job)
    counts = [json.dumps(one, ensure_ascii=False) if isinstance(one, dict) else "" for one in table["counts"]]
    table.assign(counts=counts).to_csv(folder / "summary.csv", index=False)
    found = [vars(leak) for leak in job.dataset.leaks]
    (folder / "leaks.json").write_text(json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n")


def _guess(job: Job, name: str) -> list[Any]:
    """What the best constant says, for each column of the target."""
    raw = {
        head: np.zeros((1, head_output.shape[-1]), np.float32)
        for head, head_output in job.model.output.items()
    }
    raw[name] = np.asarray(job.references["train"][name].baseline, np.float32)[None]
    shown = np.asarray(job.presenter(raw)[name])
    target, head = job.dataset.targets[name], job.heads[name]
    if target.kind == "category":
        return [target.names[int(shown[0].argmax())]]
    return [float(value) for value in head.point(shown)[0]]


def _spread(row: Any) -> str:
    if not isinstance(row["counts"], dict):
        quantiles = [row[word] for word in ("min", "q25", "median", "q75", "max")]
        return " … ".join(_word(one) for one in quantiles)
    most = sorted(row["counts"].items(), key=lambda one: -one[1])
    words = [f"{name} {_word(count)}" for name, count in most[:SHOWN]]
    return ", ".join(words) + (f", … {len(most)} classes" if len(most) > SHOWN else "")


def _word(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
