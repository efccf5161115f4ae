"""Writes docs/losses.md and its figures from runs of the default job: `python docs/losses.py`.

The text is in docs/losses.md.j2; this script computes all its numbers. It takes a few minutes.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.ticker import MaxNLocator

from pipeline import compose, config
from pipeline.insight import contributions, sentences
from pipeline.insight.section import contribution_matrix, flow_maps
from pipeline.insight.sentences import mean
from pipeline.model import decode, encode
from pipeline.model.stand_in import stand_ins
from pipeline.page.style import COLOURS, DPI, look, panels
from pipeline.training.fit import fit, order_of

FOLDER = Path(__file__).parent
HEADS, BRANCHES = ["class", "score"], ["image", "series"]
RUNS: Mapping[str, Sequence[str]] = {
    "joint": [],
    "image alone": ["~branches.series"],
    "series alone": ["~branches.image"],
    "class x 3": ["loss_weights.class=3"],
    "class x 1/3": ["loss_weights.class=0.3333"],
    "uncertainty": ["balancer=uncertainty"],
    "pcgrad": ["balancer=pcgrad"],
}


def main() -> None:
    """Train, draw the figures, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder for losses.md and figures/")
    options = parser.parse_args()
    runs = {name: run(overrides, options.epochs) for name, overrides in RUNS.items()}
    figures = options.folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    draw(runs, figures)
    environment = Environment(
        loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, keep_trailing_newline=True
    )
    text = environment.get_template("losses.md.j2").render(numbers(runs, options.epochs))
    (options.folder / "losses.md").write_text(text, encoding="utf-8")


def make_job(overrides: Sequence[str], epochs: int) -> tuple[Any, Any]:
    """Compose the default job with overrides; every call uses the same seed. Return its config too."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[*overrides, f"trainer.epochs={epochs}"])
    keras.backend.clear_session()
    keras.utils.set_random_seed(cfg.seed)
    return cfg, compose.compose_job(cfg, folders=[Path.cwd()])


def run(overrides: Sequence[str], epochs: int) -> dict[str, Any]:
    """Train once; return the history, the best epoch's metrics, the contributions and the sentences."""
    cfg, job = make_job(overrides, epochs)
    result = fit(
        job.trainer,
        job.rows,
        job.references,
        loss_weights=job.schedules,
        epochs=epochs,
        shuffle=True,
        seed=cfg.seed,
        early_stopping={"monitor": "val/loss", "patience": epochs},
        probe=job.probe,
    )
    branches = contributions(
        job.trainer,
        job.rows["val"],
        job.references["val"],
        repeats=5,
        number=1000,
        stand_ins=stand_ins(job.model, job.rows["train"]),
    )
    words = sentences(result.history, list(job.heads), list(job.dataset.inputs), branches)
    return {
        "history": result.history,
        "best": result.best,
        "contributions": branches,
        "words": words,
        "job": job,
    }


def residual(job: Any) -> dict[str, float]:
    """Compare the gradient at the class head's logits with p - y, on 256 training rows."""
    rows = job.rows["train"].take(np.arange(256))
    features = encode(job.model, rows.inputs, training=False)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(features.values()))
        _, outputs = decode(job.model, features, HEADS, training=False)
        logits = outputs["class"]
        loss, _ = job.trainer.losses["class"](rows.labels["class"], logits)
    gradient = 256 * tape.gradient(loss, logits)
    residuals = tf.nn.softmax(logits) - tf.one_hot(rows.labels["class"], logits.shape[-1])
    size = tf.norm(residuals, axis=1)
    right = tf.argmax(logits, axis=1) == tf.cast(rows.labels["class"], tf.int64)
    return {
        "residual_gap": float(tf.reduce_max(tf.abs(gradient - residuals))),
        "residual_right": float(tf.reduce_mean(size[right])),
        "residual_wrong": float(tf.reduce_mean(size[~right])),
        "share_right": float(tf.reduce_mean(tf.cast(right, tf.float32))),
    }


def doubled(optimizer: str) -> dict[str, float]:
    """Return by part how many times as far weights move in 20 steps with doubled loss weights."""
    moved = []
    for weight in (1.0, 2.0):
        options = [f"optimizer={optimizer}", "schedule=constant", "optimizer.learning_rate=0.0001"]
        _, job = make_job(options, 1)
        parts = {name: job.model.get_layer(name) for name in ("head_class", "branch_image")}
        before = {name: [v.numpy() for v in part.trainable_variables] for name, part in parts.items()}
        rows = job.rows["train"].take(np.arange(20 * 32))
        job.trainer.train(rows, order_of(1, 20 * 32, 0, True), np.full(2, weight, "float32"))
        moved.append(
            {name: _distance(before[name], part.trainable_variables) for name, part in parts.items()}
        )
    return {name: moved[1][name] / moved[0][name] for name in moved[0]}


def _distance(before: Sequence[Any], variables: Sequence[Any]) -> float:
    return float(np.sqrt(sum(np.sum((v.numpy() - b) ** 2) for v, b in zip(variables, before, strict=True))))


def numbers(runs: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """Compute all numbers of the page."""
    joint = runs["joint"]
    gradients = {
        f"{head}_{branch}": joint["history"][f"flow/{head}_to_{branch}"]
        for head in HEADS
        for branch in BRANCHES
    }
    alone = runs["series alone"]["history"]["flow/class_to_series"]
    skills = {name: {head: one["best"][f"val/{head}_skill"] for head in HEADS} for name, one in runs.items()}
    contribution = {
        f"{one.branch}_{one.head}": one for one in joint["contributions"] if one.how == "permuted"
    }
    shares = {
        name: mean(one["history"], "flow/image_from_class")
        for name, one in runs.items()
        if "flow/image_from_class" in one["history"]
    }
    return {
        "epochs": epochs,
        **residual(joint["job"]),
        "first_sent": gradients["class_series"][0],
        "last_sent": gradients["class_series"][-1],
        "alone_last": alone[-1],
        "starved": gradients["class_series"][-1] / alone[-1],
        "skills": skills,
        "contribution": contribution,
        "shares": shares,
        "words": joint["words"],
        "conflict": 100 * mean(joint["history"], "flow/conflict_class_score"),
        "cosine": mean(joint["history"], "flow/cos_class_score"),
        "adam": doubled("adam"),
        "sgd": doubled("sgd"),
        "uncertainty_weights": {head: runs["uncertainty"]["history"][f"weight/{head}"][-1] for head in HEADS},
    }


def draw(runs: Mapping[str, Any], folder: Path) -> None:
    """Draw the figures of the joint run, as in its report, and the starved branch."""
    with look([*HEADS, *BRANCHES]):
        drawings = {
            "flow": flow_maps(runs["joint"]["history"], HEADS, BRANCHES),
            "contribution": contribution_matrix(runs["joint"]["contributions"]),
        }
        for name, drawing in drawings.items():
            assert drawing is not None
            assert not isinstance(drawing.figure, bytes)
            drawing.figure.savefig(folder / f"losses_{name}.png", dpi=DPI)
        figure, (left, right) = panels(2, columns=2, height=2.6)
        shown = {"joint": COLOURS[0], "series alone": COLOURS[1]}
        for axes, metric, title in (
            (left, "flow/class_to_series", "gradient from class to series, per row"),
            (right, "val/class_skill", "class: validation skill"),
        ):
            for name, colour in shown.items():
                values = runs[name]["history"][metric]
                axes.plot(np.arange(1, len(values) + 1), values, marker=".", color=colour, label=name)
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.legend()
        figure.savefig(folder / "losses_starving.png", dpi=DPI)


if __name__ == "__main__":
    main()
