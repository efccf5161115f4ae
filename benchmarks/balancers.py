"""What a balancer costs: the time of a training step over that of plain loss weights, in one process.

A trunk-heavy model: three convolutions (32, 64, 64) on images of 32x32x3, batches of 64, and 2, 4 or 8 dense
heads of 10 classes. Each method trains one epoch of a few steps in turn, round after round, so that a slow
moment of the machine hits all alike; a cell is the median of the rounds' ratios to `static`.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from pipeline import balancers, branches, fusion, heads
from pipeline.data.feed import Rows
from pipeline.model import build_model, build_presenter
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Trainer

BATCH, CLASSES = 64, 10


class BackwardPasses(balancers.Static):
    """A pass back for every head, added up: what a method pays for the heads' gradients, and nothing more."""

    needs = "gram"
    level = "parameters"


REPRESENTATION, PARAMETERS = {"level": "representation"}, {"level": "parameters"}
METHODS: Mapping[str, Callable[[], Any]] = {
    "static": balancers.Static,
    "uncertainty": balancers.Uncertainty,
    "dwa": balancers.DWA,
    "rlw": balancers.RLW,
    "gradnorm": balancers.GradNorm,
    "famo": balancers.FAMO,
    "pcgrad, representation": lambda: balancers.PCGrad(**REPRESENTATION),
    "mgda, representation": lambda: balancers.MGDA(**REPRESENTATION),
    "imtl_g, representation": lambda: balancers.IMTLG(**REPRESENTATION),
    "cagrad, representation": lambda: balancers.CAGrad(**REPRESENTATION),
    "nash, representation": lambda: balancers.Nash(**REPRESENTATION),
    "aligned, representation": lambda: balancers.Aligned(**REPRESENTATION),
    "a pass per head": BackwardPasses,
    "pcgrad, parameters": lambda: balancers.PCGrad(**PARAMETERS),
    "mgda, parameters": lambda: balancers.MGDA(**PARAMETERS),
    "imtl_g, parameters": lambda: balancers.IMTLG(**PARAMETERS),
    "cagrad, parameters": lambda: balancers.CAGrad(**PARAMETERS),
    "nash, parameters": lambda: balancers.Nash(**PARAMETERS),
    "aligned, parameters": lambda: balancers.Aligned(**PARAMETERS),
}
# The most that a method may cost with so many heads, by kind.
LIMITS: Mapping[str, Mapping[int, float]] = {
    "losses": {2: 1.02, 4: 1.02, 8: 1.02},
    "famo": {2: 1.5, 4: 1.5, 8: 1.5},
    "representation": {4: 1.06, 8: 1.15},
    "representation, solver": {4: 1.25},
    "parameters": {4: 2.3, 8: 4.0},
}


def main() -> None:
    """Print one table; `--quick` shrinks everything to see that it runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="steps of a round")
    parser.add_argument("--heads", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--only", default="", help="part of a method's name")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, steps = (2, 2) if options.quick else (options.rounds, options.steps)
    chosen = [name for name in METHODS if options.only in name or name == "static"]
    ratios = {number: measure(chosen, number, rounds, steps) for number in options.heads}
    print(f"{'method':<26}" + "".join(f"{number:>3} heads  limit  " for number in ratios))
    for name in chosen:
        cells = [f"{found[name]:>9.2f}{limit(name, number):>7}  " for number, found in ratios.items()]
        print(f"{name:<26}" + "".join(cells))
    print("ms a step of static: " + ", ".join(f"{found['ms']:.1f}" for found in ratios.values()))


def measure(names: list[str], number: int, rounds: int, steps: int) -> dict[str, float]:
    """Each method's median ratio to static, and under "ms" what static takes."""
    rows = data(number, steps)
    order, weights = np.arange(steps * BATCH), np.ones(number, "float32")
    trainers = {name: trainer(METHODS[name](), number) for name in names}
    for one in trainers.values():
        one.train(rows, order, weights)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, one in trainers.items():
            started = time.perf_counter()
            one.train(rows, order, weights)
            seconds[name].append(time.perf_counter() - started)
    plain = np.array(seconds["static"])
    found = {name: float(np.median(np.array(times) / plain)) for name, times in seconds.items()}
    return found | {"ms": 1000 * float(np.median(plain)) / steps}


def data(number: int, steps: int) -> Rows:
    """Random images and classes, a whole number of batches."""
    rng = np.random.default_rng(0)
    images = rng.random((steps * BATCH, 32, 32, 3), dtype=np.float32)
    labels = {f"h{i}": rng.integers(0, CLASSES, steps * BATCH).astype("int32") for i in range(number)}
    return Rows.of({"image": images}, labels)


def trainer(balancer: Any, number: int) -> Trainer:
    """The trunk-heavy model with so many heads."""
    keras.utils.set_random_seed(0)
    source = SimpleNamespace(
        kind="image",
        prepare_in_model=False,
        vocabularies=(),
        specs=lambda: {"image": ((32, 32, 3), "float32")},
        prepare=lambda tensors: tensors["image"],
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made = {f"h{i}": heads.Multiclass(loss=loss) for i in range(number)}
    targets = {
        name: SimpleNamespace(kind="category", units=CLASSES, present=lambda x: x, names=list("0123456789"))
        for name in made
    }
    trunk = branches.Conv2D(filters=[32, 64, 64], pooling="average")
    model = build_model({"image": source}, targets, {"image": trunk}, fusion.Concatenate(), made)
    losses = {name: HeadLoss(loss=loss, kind="category", complete=True) for name in made}
    balancer.build(list(made), dict.fromkeys(made, "category"))
    presenter = build_presenter(targets, made)
    return Trainer(model, presenter, losses, balancer, keras.optimizers.Adam(), batch_size=BATCH)


def limit(name: str, number: int) -> str:
    """The most that a method may cost with so many heads; empty where none is set."""
    method, _, level = name.partition(", ")
    solver = method in ("cagrad", "nash", "aligned")
    kind = f"{level}, solver" if level == "representation" and solver else level or "losses"
    kind = "famo" if method == "famo" else kind
    if method in ("static", "gradnorm", "a pass per head"):
        return ""
    return str(LIMITS[kind].get(number, ""))


if __name__ == "__main__":
    main()
