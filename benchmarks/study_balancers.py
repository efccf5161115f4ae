"""Compares every balancer with tuned static weights on kanji and multimnist: same jobs, epochs and seeds.

    python -m benchmarks.study_balancers --minutes 60      # repeat it until no runs are left

Static weights are a grid of five ratios. "static, tuned" is the ratio with the best mean validation skill
over the seeds; finding it takes five times as many runs as a balancer with its default arguments. Models with
a single head are trained too: Δm is the mean loss of test skill compared with them, in percent; lower is
better. Each run is one line of results.jsonl in the study's folder and is not repeated. The table is printed
and written to table.md in the same folder.
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
from benchmarks.machine import description
from pipeline import compose, config
from pipeline.training.fit import fit
from pipeline.training.measure import measure

RATIOS = (0.1, 0.3, 1.0, 3.0, 10.0)
METHODS = sorted(path.stem for path in (config.CONF / "balancer").glob("*.yaml") if path.stem != "static")
# Name -> overrides and heads; a static ratio is the first head's weight over the second's.
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
        """Identifies the trial in results.jsonl."""
        return self.job, self.method, self.seed, self.epochs, self.rows

    def overrides(self) -> list[str]:
        """Return the overrides of the default job."""
        of_job, heads = JOBS[self.job]
        common = [*of_job, f"seed={self.seed}", f"trainer.epochs={self.epochs}", "insight=off"]
        kind, _, value = self.method.partition(" ")
        if kind == "static":
            # The weights always sum to 2, because a larger sum would act like a larger learning rate.
            first = 2 * float(value) / (1 + float(value))
            return [*common, f"loss_weights.{heads[0]}={first}", f"loss_weights.{heads[1]}={2 - first}"]
        if kind == "single":
            return [
                *common,
                *(f"~{node}.{head}" for head in heads if head != value for node in ("heads", "loss_weights")),
            ]
        return [*common, f"balancer={self.method}"]


def main() -> None:
    """Run the missing trials, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("mlruns/study_balancers"))
    parser.add_argument("--minutes", type=float, default=60, help="start no run after this many minutes")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=0, help="training rows; 0: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--only", nargs="+", help="only these methods, named as in the table")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / "results.jsonl"
    chosen = [trial for trial in trials(options) if options.only is None or trial.method in options.only]
    done, until = read(file), time.monotonic() + 60 * options.minutes
    for trial in chosen:
        if trial.key not in done and time.monotonic() < until:
            done[trial.key] = train(trial)
            with file.open("a") as lines:
                lines.write(json.dumps({"key": trial.key, **done[trial.key]}) + "\n")
    missing = sum(trial.key not in done for trial in chosen)
    text = "\n\n".join(
        table(job, [t for t in chosen if t.job == job and t.key in done], done) for job in options.jobs
    )
    text += f"\n\n{description()}"
    text += (
        f"\n\n{missing} of {len(chosen)} runs are missing; repeat the command to run them." if missing else ""
    )
    (options.folder / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def trials(options: argparse.Namespace) -> Iterator[Trial]:
    """Yield all trials, seed by seed, so that an incomplete study still compares all methods."""
    for seed in range(options.seeds):
        for job in options.jobs:
            static = [f"static {ratio:g}" for ratio in RATIOS]
            single = [f"single {head}" for head in JOBS[job][1]]
            for method in [*single, *static, *METHODS]:
                yield Trial(job, method, seed, options.epochs, options.rows)


def read(file: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return results by trial. An incomplete line (of a killed run) is skipped, so its trial runs again."""
    results = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        results[tuple(result.pop("key"))] = result
    return results


def train(trial: Trial) -> dict[str, Any]:
    """Return validation and test skills by head at the epoch of the best validation skill, and seconds."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=trial.overrides())
    keras.backend.clear_session()
    keras.utils.set_random_seed(trial.seed)
    job = compose.compose_job(cfg, folders=[Path.cwd()])
    rows = dict(job.rows)
    order = np.random.default_rng(0).permutation(len(rows["train"]))
    rows["train"] = rows["train"].take(np.sort(order[: trial.rows or None]))
    # No metrics of training rows: they are not needed, and `references` has the labels of all rows.
    references = {**job.references, "train": {}}
    started = time.perf_counter()
    result = fit(
        job.trainer,
        rows,
        references,
        loss_weights=job.schedules,
        epochs=trial.epochs,
        shuffle=True,
        seed=trial.seed,
        # Not the loss, because it depends on the static weights.
        early_stopping={"monitor": "val/skill", "patience": trial.epochs},
    )
    seconds = time.perf_counter() - started
    test = measure("test", job.trainer.evaluate(rows["test"]), job.references["test"], job.loss_weights)
    return {
        "val": {head: result.best[f"val/{head}_skill"] for head in job.heads},
        "test": {head: test.heads[head]["skill"] for head in job.heads},
        "seconds": seconds,
    }


def table(job: str, trials: Sequence[Trial], done: Mapping[tuple[Any, ...], dict[str, Any]]) -> str:
    """Return one job's table: per method the test skills with standard errors, Δm, and relative time."""
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
    for method, runs in results.items():
        cells = [_cell([one["test"][head] for one in runs if head in one["test"]]) for head in heads]
        means = {head: _mean(runs, head) for head in heads}
        worse = ""
        if all(np.isfinite([*single.values(), *means.values()])):
            worse = f"{delta_m(means, single, dict.fromkeys(heads, True)):.1f}"
        ratio = np.median([one["seconds"] for one in runs]) / plain
        lines.append(f"| {method} | {' | '.join(cells)} | {worse} | {ratio:.2f} | {len(runs)} |")
    return "\n".join(lines)


def skill(result: Mapping[str, Any], split: str) -> float:
    """Return the mean skill over the heads."""
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
