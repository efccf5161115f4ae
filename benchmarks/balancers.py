"""The cost of each balancer: time of a training step relative to static loss weights.

    python -m benchmarks.balancers

The model has most of its cost in the trunk: three convolutions (32, 64, 64) on 32x32x3 images, batches of 64,
and 2, 4 or 8 dense heads with 10 classes. In every round each method trains one epoch of a few steps, so that
changes in the machine's load affect all methods alike. The table has the median ratio to `static` over
rounds.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from benchmarks.machine import description
from pipeline import balancers, branches, fusion, heads
from pipeline.data.feed import Rows
from pipeline.model import build_model, build_presenter
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Trainer

BATCH, CLASSES = 64, 10


class BackwardPasses(balancers.Static):
    """One backward pass per head, summed: the cost of the heads' gradients without any balancing."""

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
# Kind of method -> number of heads -> upper limit of the ratio.
LIMITS: Mapping[str, Mapping[int, float]] = {
    "losses": {2: 1.02, 4: 1.02, 8: 1.02},
    "famo": {2: 1.5, 4: 1.5, 8: 1.5},
    "representation": {4: 1.06, 8: 1.15},
    "representation, solver": {4: 1.25},
    "parameters": {4: 2.3, 8: 4.0},
}


def main() -> None:
    """Print the table; `--quick` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="steps per round")
    parser.add_argument("--heads", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--only", default="", help="only methods whose name contains this")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, steps = (2, 2) if options.quick else (options.rounds, options.steps)
    chosen = [name for name in METHODS if options.only in name or name == "static"]
    ratios = {number: measure(chosen, number, rounds, steps) for number in options.heads}
    print(f"{'method':<26}" + "".join(f"{number:>3} heads  limit  " for number in ratios))
    for name in chosen:
        cells = [f"{by_name[name]:>9.2f}{limit(name, number):>7}  " for number, by_name in ratios.items()]
        print(f"{name:<26}" + "".join(cells))
    print("static, ms per step: " + ", ".join(f"{by_name['ms']:.1f}" for by_name in ratios.values()))
    print(description())


def measure(names: list[str], number: int, rounds: int, steps: int) -> dict[str, float]:
    """Return each method's median ratio to static, and the time of a static step as "ms"."""
    rows = data(number, steps)
    order, weights = np.arange(steps * BATCH), np.ones(number, "float32")
    trainers = {name: make_trainer(METHODS[name](), number) for name in names}
    for trainer in trainers.values():
        trainer.train(rows, order, weights)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, trainer in trainers.items():
            started = time.perf_counter()
            trainer.train(rows, order, weights)
            seconds[name].append(time.perf_counter() - started)
    plain = np.array(seconds["static"])
    ratios = {name: float(np.median(np.array(times) / plain)) for name, times in seconds.items()}
    return ratios | {"ms": 1000 * float(np.median(plain)) / steps}


def data(number: int, steps: int) -> Rows:
    """Return random images and classes for `steps` batches."""
    rng = np.random.default_rng(0)
    images = rng.random((steps * BATCH, 32, 32, 3), dtype=np.float32)
    labels = {f"h{i}": rng.integers(0, CLASSES, steps * BATCH).astype("int32") for i in range(number)}
    return Rows.of({"image": images}, labels)


def make_trainer(balancer: Any, number: int) -> Trainer:
    """Build the model with `number` heads."""
    keras.utils.set_random_seed(0)
    source = SimpleNamespace(
        kind="image",
        prepare_in_model=False,
        vocabularies=(),
        specs=lambda: {"image": ((32, 32, 3), "float32")},
        prepare=lambda tensors: tensors["image"],
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    parts = {f"h{i}": heads.Multiclass(loss=loss) for i in range(number)}
    targets = {
        name: SimpleNamespace(kind="category", units=CLASSES, present=lambda x: x, names=list("0123456789"))
        for name in parts
    }
    trunk = branches.Conv2D(filters=[32, 64, 64], pooling="average")
    model = build_model({"image": source}, targets, {"image": trunk}, fusion.Concatenate(), parts)
    losses = {name: HeadLoss(loss=loss, kind="category", complete=True) for name in parts}
    balancer.build(list(parts), dict.fromkeys(parts, "category"))
    presenter = build_presenter(targets, parts)
    return Trainer(model, presenter, losses, balancer, keras.optimizers.Adam(), batch_size=BATCH)


def limit(name: str, number: int) -> str:
    """Return the upper limit of a method's ratio as text; empty if there is none."""
    method, _, level = name.partition(", ")
    solver = method in ("cagrad", "nash", "aligned")
    kind = f"{level}, solver" if level == "representation" and solver else level or "losses"
    kind = "famo" if method == "famo" else kind
    if method in ("static", "gradnorm", "a pass per head"):
        return ""
    return str(LIMITS[kind].get(number, ""))


if __name__ == "__main__":
    main()
