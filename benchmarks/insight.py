"""What insight costs: runs of the default job with `insight=default` and with `insight=off`, alternated.

A run is so many epochs with validation. Counted is everything that insight adds: the probe of each epoch, the
tracing of its graph in the first, and the contributions at the end. Also printed is the share of the probe
alone, once its graph is there.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from pipeline import compose, config
from pipeline.insight import contributions
from pipeline.model.stand_in import stand_ins
from pipeline.training.fit import fit


def main() -> None:
    """Print the medians; `--quick` shrinks everything to see that it runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, epochs = (1, 1) if options.quick else (options.rounds, options.epochs)
    jobs = {name: job(name) for name in ("default", "off")}
    for one in jobs.values():
        train(one, 1, look=False)
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    probes, once = [], []
    for _ in range(rounds):
        for name, one in jobs.items():
            started = time.perf_counter()
            train(one, epochs, look=name == "default")
            seconds[name].append(time.perf_counter() - started)
        probe = fresh_probe(jobs["default"])
        weights = dict.fromkeys(jobs["default"].heads, 1.0)
        first, *later = [timed(lambda: probe(weights)) for _ in range(6)]  # noqa: B023
        probes.append(float(np.median(later)))
        once.append(first - probes[-1] + timed(lambda: give(jobs["default"])))
    ratio = np.array(seconds["default"]) / np.array(seconds["off"])
    epoch = float(np.median(seconds["off"])) / epochs
    print(f"an epoch without insight   {epoch:.3f} s, {epochs} epochs")
    print(f"with insight, in all       {np.median(ratio):.4f} (quartiles {np.quantile(ratio, [0.25, 0.75])})")
    print(
        f"the probe of an epoch      {np.median(probes):.4f} s, {np.median(probes) / epoch:.2%} of an epoch"
    )
    part = np.median(once) / epoch / epochs
    print(f"once: tracing, contribution {np.median(once):.2f} s, {part:.2%} of the run")


def job(insight: str) -> Any:
    """The default job, ready to train."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[f"insight={insight}", "trainer.early_stopping=null"])
    return compose.compose_job(cfg, folders=[Path.cwd()])


def train(one: Any, epochs: int, look: bool) -> None:
    """A run, without its record."""
    fit(
        one.trainer,
        {split: one.rows[split] for split in ("train", "val")},
        one.references,
        loss_weights=one.loss_weights,
        epochs=epochs,
        shuffle=True,
        seed=0,
        early_stopping=None,
        probe=fresh_probe(one) if look else None,
    )
    if look:
        give(one)


def fresh_probe(one: Any) -> Any:
    """A probe whose graph is still to be traced, as at the start of a run."""
    return compose.probe(one.insight, one.trainer, one.rows["train"])


def give(one: Any) -> None:
    """The contributions at the end of a run."""
    contributions(
        one.trainer,
        one.rows["val"],
        one.references["val"],
        repeats=one.insight.repeats,
        number=one.insight.rows,
        stand_ins=stand_ins(one.model, one.rows["train"]),
    )


def timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
