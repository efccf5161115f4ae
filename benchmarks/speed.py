"""Training speed compared with plain Keras and with a hand-written graph, in one process.

    python -m benchmarks.speed

ours      a tracked run: losses and metrics of every epoch go to MLflow (SQLite in a temporary folder)
fit       plain `model.fit(numpy)` without tracking: the same layers, losses, optimizer and batch size
graph     one hand-written tf.function per epoch, without metrics or tracking

The three run alternately. Each row has the median of the rounds' ratios and their quartiles.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from keras import layers

from benchmarks.machine import description
from pipeline import compose, config
from pipeline.model.layer_names import FUSION, branch_layer
from pipeline.tracking import connect, open_run
from pipeline.training.fit import fit
from pipeline.training.keras_setup import set_up

TINY = ["experiment=image_series"]
CONV = [
    *TINY,
    "branches.image.filters=[32,64]",
    "branches.image.activation=relu",
    "branches.image.pool_size=2",
    "branches.series.filters=[32,64]",
    "branches.series.activation=relu",
]


# Layers that the plain model has in common with ours; it has no masks and no pooling over steps.
COPIED = (
    layers.Conv1D,
    layers.Conv2D,
    layers.MaxPooling2D,
    layers.GlobalMaxPooling2D,
    layers.Flatten,
    layers.Dense,
    layers.Dropout,
)


@dataclass(frozen=True)
class Workload:
    """A job; `epochs` are timed in one go, so that the cost of logging is included as in a run."""

    name: str
    overrides: list[str]
    epochs: int
    floors: dict[str, float]  # lower limits of the ratios


WORKLOADS = [
    Workload("128 rows, tiny", [*TINY, "data.sources.noise.rows=128"], 200, {"fit": 6.0}),
    Workload("10,000 rows, tiny", [*TINY, "data.sources.noise.rows=10000"], 4, {"fit": 2.3, "graph": 0.85}),
    Workload(
        "4,000 rows, conv 32/64", [*CONV, "data.sources.noise.rows=4000"], 3, {"fit": 1.6, "graph": 0.85}
    ),
    Workload("kanji, the default job", [], 2, {}),
]


def main() -> None:
    """Print the table; `--quick` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="only workloads whose name contains this")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    title = f"{'workload':<26}{'validation':<12}{'against':<9}{'ratio':>7}  {'quartiles':<15}{'floor':>6}"
    print(f"{title}  ours ms/epoch")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for workload in WORKLOADS:
            if options.only in workload.name:
                for validated in (False, True):
                    compare(workload, validated, options.rounds, options.quick)
    print(description())


def compare(workload: Workload, validated: bool, rounds: int, quick: bool) -> None:
    """Time a workload's variants alternately and print their ratios."""
    fewer = ["data.sources.noise.rows=64"] if quick and workload.overrides else []
    seconds = times(
        [*workload.overrides, *fewer],
        validated=validated,
        rounds=2 if quick else rounds,
        epochs=1 if quick else workload.epochs,
    )
    for name, found in ratios(seconds).items():
        low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
        floor = "" if validated else workload.floors.get(name, "")
        print(
            f"{workload.name:<26}{'each epoch' if validated else 'none':<12}{name:<9}{middle:>7.2f}"
            f"  {low:.2f} … {high:<8.2f}{floor:>6}  {np.median(seconds['ours']) * 1000:.1f}",
            flush=True,
        )


def times(overrides: list[str], *, validated: bool, rounds: int, epochs: int) -> dict[str, list[float]]:
    """Return the seconds of an epoch in each round: "ours", "fit" and, without validation, "graph"."""
    ways = ways_to_train(overrides, validated)
    for train in ways.values():
        train(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, train in ways.items():
            started = time.perf_counter()
            train(epochs)
            seconds[name].append((time.perf_counter() - started) / epochs)
    return seconds


def ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    """Return how many times as fast ours is as each other way, in each round."""
    return {
        name: np.array(found) / np.array(seconds["ours"]) for name, found in seconds.items() if name != "ours"
    }


def ways_to_train(overrides: list[str], validated: bool) -> dict[str, Callable[[int], None]]:
    """Return ours, plain `fit` and the hand-written graph as functions of the number of epochs."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[*overrides, "trainer.early_stopping=null"])
    set_up(seed=0, precision=cfg.trainer.precision, threads="auto", deterministic=False)
    job = compose.compose_job(cfg, folders=[Path.cwd()])
    splits = ("train", "val") if validated else ("train",)

    def ours(epochs: int) -> None:
        with open_run(connect(None, "bench"), run_name="bench", params={}, tags={}) as tracked:
            fit(
                job.trainer,
                {split: job.rows[split] for split in splits},
                job.references,
                loss_weights=job.loss_weights,
                epochs=epochs,
                shuffle=True,
                seed=0,
                early_stopping=None,
                callbacks=[tracked.log_epochs()],
            )

    arrays = {split: _arrays(job, job.dataset.splits[split]) for split in ("train", "val")}
    loss = {name: head.loss for name, head in job.heads.items()}
    plain = plain_model(job.model)
    plain.compile(keras.optimizers.Adam(1e-3), loss=loss, jit_compile=cfg.trainer.jit)
    by_hand = plain_model(job.model)

    def bare_fit(epochs: int) -> None:
        more = {"validation_data": arrays["val"]} if validated else {}
        plain.fit(*arrays["train"], batch_size=32, epochs=epochs, verbose=0, **more)

    ways: dict[str, Callable[[int], None]] = {"ours": ours, "fit": bare_fit}
    if not validated:
        ways["graph"] = epoch_graph(by_hand, loss, keras.optimizers.Adam(1e-3), *arrays["train"])
    return ways


def _arrays(job: Any, split: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    # Keras cannot handle NaN steps.
    inputs = {name: np.nan_to_num(np.asarray(values, "float32")) for name, values in split.prepared.items()}
    return inputs, dict(split.labels)


def plain_model(model: keras.Model) -> keras.Model:
    """Return a plain model of the same layers, without masks and nested models, with new weights."""
    entries = {name: keras.Input(x.shape[1:], name=name) for name, x in model.input.items()}
    features = []
    for name, x in entries.items():
        for layer in model.get_layer(branch_layer(name)).layers:
            if isinstance(layer, COPIED):
                x = type(layer).from_config(layer.get_config())(x)
        features.append(layers.GlobalMaxPooling1D()(x) if len(x.shape) == 3 else x)
    fused = layers.Concatenate()(features)
    for layer in model.get_layer(FUSION).layers:
        if isinstance(layer, layers.Dense | layers.Dropout):
            fused = type(layer).from_config(layer.get_config())(fused)
    return keras.Model(
        entries, {name: layers.Dense(x.shape[-1], name=name)(fused) for name, x in model.output.items()}
    )


def epoch_graph(
    model: keras.Model, loss: Any, optimizer: Any, inputs: Any, labels: Any
) -> Callable[[int], None]:
    """Return a hand-written graph of one epoch: shuffle, gather, step."""
    optimizer.build(model.trainable_variables)
    inputs, labels = tf.nest.map_structure(tf.constant, (inputs, labels))
    rows = len(next(iter(inputs.values())))

    @tf.function
    def epoch() -> Any:
        order, total = tf.random.shuffle(tf.range(rows)), 0.0
        for step in tf.range(-(-rows // 32)):
            at = order[step * 32 : (step + 1) * 32]
            with tf.GradientTape() as tape:
                outputs = model({name: tf.gather(x, at) for name, x in inputs.items()}, training=True)
                value = tf.add_n([loss[name](tf.gather(y, at), outputs[name]) for name, y in labels.items()])
            optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
            total += value
        return total

    def run(epochs: int) -> None:
        for _ in range(epochs):
            epoch().numpy()

    return run


if __name__ == "__main__":
    main()
