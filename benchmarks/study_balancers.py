"""Every balancer against tuned static weights: the same jobs, epochs and seeds, on kanji and multimnist.

    python -m benchmarks.study_balancers --minutes 60      # again, until it says that nothing is left

Static weights are a grid of ratios; "static, tuned" is the ratio with the best mean validation skill over the
seeds, named in its row: it had five times the runs of a balancer, which comes with its defaults. Single heads
are trained too: Δm is the mean loss of test skill against them in percent, lower is better. Each run is one
line of results.jsonl in the study's folder; runs that are there are not repeated. The table is printed and
written to table.md beside it.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from benchmarks.delta_m import delta_m
from pipeline import compose, config
from pipeline.training.fit import fit
from pipeline.training.measure import measure

RATIOS = (0.1, 0.3, 1.0, 3.0, 10.0)
METHODS = sorted(path.stem for path in (config.CONF / "balancer").glob("*.yaml") if path.stem != "static")
# Name -> overrides and heads; the ratio is the first head's weight over the second's.
JOBS: Mapping[str, tuple[Sequence[str], tuple[str, str]]] = {
    "kanji": ([], ("class", "score")),
    "multimnist": (["experiment=multimnist"], ("left", "right")),
}


@dataclass(frozen=True)
class Trial:
    """One training of the study."""

    job: str
    method: str
    seed: int
    epochs: int
    rows: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from all other trials."""
        return self.job, self.method, self.seed, self.epochs, self.rows

    def overrides(self) -> list[str]:
        """The overrides that make it."""
        given, heads = JOBS[self.job]
        common = [*given, f"seed={self.seed}", f"trainer.epochs={self.epochs}", "insight=off"]
        kind, _, value = self.method.partition(" ")
        if kind == "static":
            # The weights' sum stays 2: a larger one would be a larger learning rate for plain descent.
            first = 2 * float(value) / (1 + float(value))
            return [*common, f"loss_weights.{heads[0]}={first}", f"loss_weights.{heads[1]}={2 - first}"]
        if kind == "single":
            return [
                *common,
                *(f"~{node}.{head}" for head in heads if head != value for node in ("heads", "loss_weights")),
            ]
        return [*common, f"balancer={self.method}"]


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("mlruns/study_balancers"))
    parser.add_argument("--minutes", type=float, default=60, help="no run is started later than this")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=0, help="training rows; 0: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--only", nargs="+", help="methods, as the table names them")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / "results.jsonl"
    wanted = [trial for trial in trials(options) if options.only is None or trial.method in options.only]
    done, until = read(file), time.monotonic() + 60 * options.minutes
    for trial in wanted:
        if trial.key not in done and time.monotonic() < until:
            done[trial.key] = train(trial)
            with file.open("a") as lines:
                lines.write(json.dumps({"key": trial.key, **done[trial.key]}) + "\n")
    left = sum(trial.key not in done for trial in wanted)
    text = "\n\n".join(
        table(job, [t for t in wanted if t.job == job and t.key in done], done) for job in options.jobs
    )
    text += f"\n\n{left} of {len(wanted)} runs are left: the same command goes on." if left else ""
    (options.folder / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def trials(options: argparse.Namespace) -> Iterator[Trial]:
    """All trials, seed by seed, so that a study that was cut short still compares all methods."""
    for seed in range(options.seeds):
        for job in options.jobs:
            static = [f"static {ratio:g}" for ratio in RATIOS]
            single = [f"single {head}" for head in JOBS[job][1]]
            for method in [*single, *static, *METHODS]:
                yield Trial(job, method, seed, options.epochs, options.rows)


def read(file: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Results by trial; a line that a kill cut short is left out and its trial runs again."""
    found = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        found[tuple(result.pop("key"))] = result
    return found


def train(trial: Trial) -> dict[str, Any]:
    """Validation and test skills by head, at the epoch of the best mean validation skill, and seconds."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=trial.overrides())
    keras.backend.clear_session()
    keras.utils.set_random_seed(trial.seed)
    made = compose.compose_job(cfg, folders=[Path.cwd()])
    rows = dict(made.rows)
    order = np.random.default_rng(0).permutation(len(rows["train"]))
    rows["train"] = rows["train"].take(np.sort(order[: trial.rows or None]))
    # Metrics of training rows are not looked at, and their labels would be those of all rows.
    heads = {**made.references, "train": {}}
    started = time.perf_counter()
    fitted = fit(
        made.trainer,
        rows,
        heads,
        loss_weights=made.schedules,
        epochs=trial.epochs,
        shuffle=True,
        seed=trial.seed,
        # By skill: the loss is not the same objective under all static weights.
        early_stopping={"monitor": "val/skill", "patience": trial.epochs},
    )
    seconds = time.perf_counter() - started
    test = measure("test", made.trainer.evaluate(rows["test"]), made.references["test"], made.loss_weights)
    return {
        "val": {head: fitted.best[f"val/{head}_skill"] for head in made.heads},
        "test": {head: test[f"test/{head}_skill"] for head in made.heads},
        "seconds": seconds,
    }


def table(job: str, trials: Sequence[Trial], done: Mapping[tuple[Any, ...], dict[str, Any]]) -> str:
    """One job's methods: mean test skill and its standard error by head, Δm, and time against static."""
    heads = JOBS[job][1]
    results: dict[str, list[dict[str, Any]]] = {}
    for trial in trials:
        results.setdefault(trial.method, []).append(done[trial.key])
    grid = [method for method in results if method.startswith("static")]
    if grid:
        best = max(grid, key=lambda method: np.mean([skill(one, "val") for one in results[method]]))
        results = {f"static, tuned: {best.partition(' ')[2]}": results[best], **results}
    single = {head: _mean(results.get(f"single {head}", []), head) for head in heads}
    plain = np.median([one["seconds"] for one in results.get("static 1", [])] or [np.nan])
    titles = ["method", *(f"{head}, test skill" for head in heads), "Δm %", "time", "runs"]
    lines = [f"**{job}**", "", f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    for method, found in results.items():
        cells = [_cell([one["test"][head] for one in found if head in one["test"]]) for head in heads]
        means = {head: _mean(found, head) for head in heads}
        worse = ""
        if all(np.isfinite([*single.values(), *means.values()])):
            worse = f"{delta_m(means, single, dict.fromkeys(heads, True)):.1f}"
        ratio = np.median([one["seconds"] for one in found]) / plain
        lines.append(f"| {method} | {' | '.join(cells)} | {worse} | {ratio:.2f} | {len(found)} |")
    return "\n".join(lines)


def skill(result: Mapping[str, Any], split: str) -> float:
    """Mean skill over the heads."""
    return float(np.mean(list(result[split].values())))


def _mean(results: Sequence[Mapping[str, Any]], head: str) -> float:
    values = [one["test"][head] for one in results if head in one["test"]]
    return float(np.mean(values)) if values else float("nan")


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
