"""Data configs that `init` writes, unedited, and configs written by hand: test skills over some seeds.

    python -m benchmarks.init

The files are the shipped data sets and five of scikit-learn's. Both configs have the same split and are
trained with branches=auto heads=auto. Results are kept in `--folder`, so the command can be repeated.
"""

import argparse
import json
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets

from benchmarks.machine import description
from benchmarks.trained import trained_job
from pipeline import init
from pipeline.config import CONF
from pipeline.data import guess
from pipeline.datasets import noise
from pipeline.training.measure import measure

SHIPPED = ("kanji", "emoji", "multimnist", "penguins", "noise")
TABLE = """
sources: {{{name}: {file}}}
inputs: {{traits: {{kind: table, numeric: [{columns}]}}}}
targets: {{{targets}}}
split: {split}
"""
SPLIT = "{{fractions: {fractions}, {stratify}seed: 0}}"


@dataclass(frozen=True)
class Case:
    """A file and its targets.

    Args:
        name: of the data set.
        targets: columns, in the order of the targets of the config by hand.
        epochs: of each training; None: the default.
    """

    name: str
    targets: tuple[str, ...]
    epochs: int | None = None


CASES = (
    Case("penguins", ("species", "body_mass_g")),
    Case("kanji", ("radical", "n_strokes"), 8),
    Case("emoji", ("category",), 12),
    Case("multimnist", ("left", "right"), 3),
    Case("noise", ("class", "score"), 10),
    Case("diabetes", ("target",)),
    Case("wine", ("target",)),
    Case("breast_cancer", ("target",)),
    Case("linnerud", ("Weight", "Waist", "Pulse")),
    Case("digits", ("target",), 30),
)


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("mlruns/init"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="of every training, to see that the script runs")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES])
    options = parser.parse_args()
    folder = options.folder.absolute()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    print("| data | targets | by hand | written | difference |\n| --- | --- | --- | --- | --- |")
    for case in CASES:
        if options.only is None or case.name in options.only:
            print(row_of(case, folder, options.seeds, options.epochs or case.epochs), flush=True)
    print(description())


def row_of(case: Case, folder: Path, seeds: int, epochs: int | None) -> str:
    """One line of the table: mean skills, and the mean difference for a seed with its standard error."""
    file = folder / f"{case.name}.json"
    if not file.exists():
        configs = {"by hand": by_hand(case, folder), "written": written(case, folder)}
        found = {name: [skill(out, seed, epochs) for seed in range(seeds)] for name, out in configs.items()}
        file.write_text(json.dumps(found))
    found = json.loads(file.read_text())
    differences = [after - before for before, after in zip(found["by hand"], found["written"], strict=True)]
    means = [statistics.mean(found[name]) for name in ("by hand", "written")]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("nan")
    shown = f"{statistics.mean(differences):+.3f} ± {error:.3f}"
    return f"| {case.name} | {', '.join(case.targets)} | {means[0]:.3f} | {means[1]:.3f} | {shown} |"


def by_hand(case: Case, folder: Path) -> Path:
    """Write the file of a data set and a config as a person would write it."""
    out = folder / "data" / f"by_hand_{case.name}.yaml"
    if case.name == "noise":
        np.savez(folder / "noise.npz", **noise(rows=100, seed=0))
    if case.name in SHIPPED:
        text = (CONF / "data" / f"{case.name}.yaml").read_text(encoding="utf-8")
        out.write_text(
            re.sub(r"\{_target_: pipeline.datasets.noise.*\}", "noise.npz", text), encoding="utf-8"
        )
        return out
    loaded = getattr(sklearn_datasets, f"load_{case.name}")(as_frame=True)
    if case.name == "digits":
        arrays = {"data": loaded.data.to_numpy(), "images": loaded.images, "target": loaded.target.to_numpy()}
        np.savez(folder / "digits.npz", **arrays)
        out.write_text(
            "sources: {digits: digits.npz}\ninputs: {image: {kind: image, column: digits.images}}\n"
            "targets: {digit: {kind: category, column: digits.target}}\n"
            "split: {fractions: [0.7, 0.15, 0.15], stratify: digit, seed: 0}\n"
        )
        return out
    loaded.frame.to_csv(folder / f"{case.name}.csv", index=False)
    kind = {"wine": "category", "breast_cancer": "binary"}.get(case.name, "number")
    few = len(loaded.frame) < 300
    inputs = [f'"{case.name}.{name}"' for name in loaded.frame if name not in case.targets]
    entries = [f"{name}: {{kind: {kind}, column: {case.name}.{name}}}" for name in case.targets]
    split = SPLIT.format(
        fractions="[0.6, 0.2, 0.2]" if few else "[0.7, 0.15, 0.15]",
        stratify="" if kind == "number" else f"stratify: {case.targets[0]}, ",
    )
    file = f"{case.name}.csv"
    columns, targets = ", ".join(inputs), ", ".join(entries)
    text = TABLE.format(name=case.name, file=file, columns=columns, targets=targets, split=split)
    out.write_text(text)
    return out


def written(case: Case, folder: Path) -> Path:
    """Let `init` write the config; its check runs as part of every training."""
    if case.name in SHIPPED and case.name != "noise":
        file = f"pkg://pipeline.datasets/{case.name}.{'csv' if case.name == 'penguins' else 'npz'}"
    else:
        file = next(folder.glob(f"{case.name}.[cn]*")).name
    out = folder / "data" / f"written_{case.name}.yaml"
    sources = guess.open_sources([file], [folder])
    plan = guess.make_plan(sources, case.targets, guess.Roots([folder]))
    out.write_text(guess.as_yaml(plan), encoding="utf-8")
    return out


def skill(out: Path, seed: int, epochs: int | None) -> float:
    """The test skill of one training, averaged over heads."""
    with init.composed(out) as cfg:
        cfg.seed = seed
        if epochs:
            cfg.trainer.epochs = epochs
        job = trained_job(cfg, [out.parent.parent], measured=["val"])
    test = job.trainer.evaluate(job.rows["test"])
    return measure("test", test, job.references["test"], job.loss_weights).named("test")["test/skill"]


if __name__ == "__main__":
    main()
