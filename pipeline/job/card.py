"""The model card: what the run knows of its model, for people who did not train it, and what it does not.

After M. Mitchell et al., "Model cards for model reporting", 2019, arXiv:1810.03993.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.comparison.bootstrap import Interval, means
from pipeline.errors import ConfigError, coded
from pipeline.labels import class_codes
from pipeline.page.style import number, prose
from pipeline.paths import expand
from pipeline.report.record import HeadResult, Record

FILE = "model_card.md"
LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")
FEW_ROWS, FEW_OF_CLASS = 200, 10  # of the test rows; of the test rows of one class
SHOWN = 30  # class names
UNKNOWN = "Not known"
TESTED = "test rows that the training never saw"
SLICES = "## Slices"


Intervals = Mapping[str, Mapping[str, Interval]]  # head -> metric -> its interval


def card(
    record: Record,
    config: Mapping[str, Any],
    specs: Mapping[str, Any],
    folders: Iterable[Path],
    intervals: Intervals,
    tested: str = TESTED,
) -> str:
    """Return the card as Markdown.

    Args:
        tested: what the test rows are.
        intervals: of the test metrics; of heads that lack them, those of means over rows are computed here.
        config: the run's public config.
        specs: raw model input -> its shape without the rows, and the type of its values.
        folders: where the data's files are looked for.
    """
    run_id = record.facts[0].removeprefix("run ")
    known = {name: intervals.get(name) or _intervals(head) for name, head in record.heads.items()}
    parts = [
        f"# Model card: {literal(record.title)}",
        f"Generated from what the training recorded ({', '.join(record.facts)}). What the program "
        "cannot know is said to be not known.",
        _use(record),
        _data(config["data"], list(folders)),
        _results(record, known, tested),
        f"{SLICES}\n\nNot measured by the training. `python -m pipeline.evaluate run={run_id} by=[<column>]` "
        "measures groups of rows, with intervals, and writes the worst of them here.",
        _limits(record, known),
        _loading(run_id, record, specs),
        f"## How it was trained\n\n```sh\n{_code(record.command)}\n```\n\n{prose(record.ending)}",
    ]
    return coded("\n\n".join(parts) + "\n")


def literal(text: object) -> str:
    """Return a text of the data or the config as Markdown that shows it as it is, without HTML or links."""
    return re.sub(r"[\\`*<>\[\]|]", lambda sign: f"\\{sign[0]}", " ".join(str(text).split()))


def _code(text: object) -> str:
    """Return a text for a place between backticks, which end at a backtick."""
    return str(text).replace("`", "'")


def with_slices(text: str, measured: str) -> str:
    """Return a card with another section on slices, `measured`; unchanged if it has no such section."""
    before, heading, after = text.partition(f"{SLICES}\n")
    _, next_heading, rest = after.partition("\n## ")
    return f"{before}{heading}\n{measured}\n{next_heading}{rest}" if heading else text


def _use(record: Record) -> str:
    lines = [f"- **{name}**: {_meaning(head)}" for name, head in record.heads.items()]
    inputs = ", ".join(f"{name} ({examples.kind})" for name, examples in record.inputs.items())
    return (
        f"## What it does\n\nFrom {inputs} it predicts\n\n"
        + "\n".join(lines)
        + f"\n\nIntended use: {UNKNOWN.lower()}."
    )


def _meaning(head: HeadResult) -> str:
    listed = _listed(head.names)
    return {
        "category": f"one of {len(head.names)} classes: {listed}",
        "number": f"numbers in their own unit: {listed}",
        "binary": f"the probability of {listed}",
        "labels": f"the probabilities of {len(head.names)} labels: {listed}",
    }.get(head.kind, listed)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(literal, names[:SHOWN])) + (", …" if len(names) > SHOWN else "")


def _data(data: Mapping[str, Any], folders: list[Path]) -> str:
    sources = [f"- `{name}`: {literal(_place(source))}" for name, source in data["sources"].items()]
    inputs = [f"- input `{name}`: {literal(_entry(entry))}" for name, entry in data["inputs"].items()]
    targets = [f"- target `{name}`: {literal(_entry(entry))}" for name, entry in data["targets"].items()]
    licences = [_licence(source, folders) for source in data["sources"].values()]
    found = "\n\n".join(dict.fromkeys(text for text in licences if text))
    licence = found or f"{UNKNOWN}: no file LICENSE, NOTICE or the like lies beside the data."
    return "\n\n".join(
        [
            "## Data",
            "\n".join([*sources, *inputs, *targets]),
            f"Splits: `{_code(data['split'])}`. How the rows were collected, whether people agreed to "
            "it, and what is left out: not known.",
            f"### Licence of the data\n\n{licence}",
        ]
    )


def _place(source: Any) -> str:
    if isinstance(source, Mapping):
        source = source.get("path") or source.get("_target_")
    return str(source if isinstance(source, str) else ", ".join(map(str, source or ["in memory"])))


def _entry(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return "left out" if entry is None else type(entry).__name__
    return ", ".join(f"{key} {value}" for key, value in entry.items() if value is not None)


def _licence(source: Any, folders: list[Path]) -> str:
    """Return what a file of licences beside a source says of it; "" if there is none."""
    try:
        files = expand(_place(source), folders, "data.sources")
    except ConfigError:
        return ""
    for file in files[:1]:
        found = (path for pattern in LICENCES for path in file.parent.glob(pattern))
        for path in sorted(path for path in found if path.is_file()):
            text = path.read_text(encoding="utf-8", errors="replace")
            # A file for several data sets has a paragraph that begins with the name of each.
            paragraphs = [part for part in text.split("\n\n") if part.lstrip().startswith(file.name)]
            quoted = paragraphs[0] if paragraphs else "\n".join(text.splitlines()[:12])
            return f"From `{path.name}` beside the data:\n\n" + "\n".join(
                f"> {literal(line)}" for line in quoted.strip().splitlines()
            )
    return ""


def _results(record: Record, known: Intervals, tested: str) -> str:
    lines = ["| head | metric | value | 95 % |", "| --- | --- | --- | --- |"]
    for name, head in record.heads.items():
        for word, value in head.test.items():
            bounds = known[name].get(word)
            shown = (
                f"{number(bounds.low)} … {number(bounds.high)}"
                if bounds and bounds.low == bounds.low
                else "not computed"
            )
            lines.append(f"| {name} | {word} | {number(float(value))} | {shown} |")
    rows = len(next(iter(record.heads.values())).rows)
    return (
        f"## Results\n\nOn {rows:,} {tested}, with bootstrap intervals over rows. "
        "Skill: 0 = no better than the best constant, 1 = perfect.\n\n" + "\n".join(lines)
    )


def _intervals(head: HeadResult) -> dict[str, Interval]:
    """Return the intervals of the metrics that are means over rows."""
    if np.isnan(head.row_loss).all():
        return {}
    scores = {"loss": head.row_loss}
    labelled = ~np.isnan(head.row_loss)
    if head.kind == "category" and head.labels.ndim == 1:
        right = class_codes(head.labels) == head.outputs.argmax(axis=1)
        scores["accuracy"] = np.where(labelled, right, np.nan)
    if head.kind == "number" and head.outputs.shape == head.labels.shape:
        scores["mae"] = np.abs(head.outputs - head.labels).mean(axis=1)
    found = dict(zip(scores, means(np.column_stack(list(scores.values()))), strict=True))
    loss = found["loss"]
    if head.baseline > 0:
        found["skill"] = Interval(*(1 - bound / head.baseline for bound in (loss.value, loss.high, loss.low)))
    return {
        word: one
        for word, one in found.items()
        if word in head.test and np.isclose(one.value, head.test[word], rtol=1e-3, atol=1e-6)
    }


def _limits(record: Record, known: Intervals) -> str:
    lines = [literal(warning) for warning in record.warnings]
    rows = len(next(iter(record.heads.values())).rows)
    if rows < FEW_ROWS:
        lines.append(f"There are only {rows} test rows, so all results are rough")
    for name, head in record.heads.items():
        skill = known[name].get("skill")
        if skill and skill.low <= 0:
            lines.append(f"{name} is not better than a constant beyond chance")
        unlabelled = int(np.isnan(head.row_loss).sum())
        if unlabelled:
            lines.append(f"{unlabelled:,} test rows have no label for {name}")
        if head.kind == "category" and head.labels.ndim == 1:
            counts = np.bincount(head.labels[head.labels >= 0].astype(int), minlength=len(head.names))
            rare = [label for label, count in zip(head.names, counts, strict=True) if count < FEW_OF_CLASS]
            if rare:
                fewer = f"{name} has fewer than {FEW_OF_CLASS} test rows of {len(rare)} classes"
                lines.append(f"{fewer}: {_listed(rare)}")
    lines += [
        "Rows from another time, place or machine than the training's may be predicted worse; `predict` says "
        "whether the inputs differ",
        "Whether its errors harm some people more than others, and what an error costs: not known",
    ]
    return "## Limits\n\n" + "\n".join(f"- {line}." for line in lines)


def _loading(run_id: str, record: Record, specs: Mapping[str, Any]) -> str:
    sizes = {
        name: " x ".join(["rows", *("any" if size is None else str(size) for size in shape)])
        for name, (shape, _) in specs.items()
    }
    taken = "\n".join(f"- `{_code(name)}`: {dtype}, {sizes[name]}" for name, (_, dtype) in specs.items())
    return (
        "## How to load it\n\nWith MLflow, TensorFlow and pandas, and `MLFLOW_TRACKING_URI` set to the "
        "store:\n\n"
        f'```python\nimport mlflow\n\nmodel = mlflow.pyfunc.load_model("runs:/{run_id}/model")\n'
        "outputs = model.predict(inputs)  # a dict of arrays, or a data frame\n```\n\n"
        f"Inputs, NaN or empty texts being missing values:\n\n{taken}\n\n"
        f"Outputs are (rows, width) arrays under the names {', '.join(record.heads)}; the order of the "
        "classes is in the run's `config/labels.json`. With this program: `python -m pipeline.predict run="
        f"{run_id} input=rows.csv output=out.parquet`."
    )
