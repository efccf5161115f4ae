"""Writes docs/losses.md and its figures anew from runs of the default job: `python docs/losses.py`.

The text is docs/losses.md.j2; every number in it comes from here. Takes some minutes.
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
from pipeline.insight.section import contribution_bars, flow_maps
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
    """Train, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where losses.md and figures/ go")
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


def job(overrides: Sequence[str], epochs: int) -> tuple[Any, Any]:
    """The default job with some overrides, ready to train; every call starts from the same seed."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[*overrides, f"trainer.epochs={epochs}"])
    keras.backend.clear_session()
    keras.utils.set_random_seed(cfg.seed)
    return cfg, compose.compose_job(cfg, folders=[Path.cwd()])


def run(overrides: Sequence[str], epochs: int) -> dict[str, Any]:
    """One training: its history, what is best, and what the branches give."""
    cfg, made = job(overrides, epochs)
    fitted = fit(
        made.trainer,
        made.rows,
        made.references,
        loss_weights=made.schedules,
        epochs=epochs,
        shuffle=True,
        seed=cfg.seed,
        early_stopping={"monitor": "val/loss", "patience": epochs},
        probe=made.probe,
    )
    given = contributions(
        made.trainer,
        made.rows["val"],
        made.references["val"],
        repeats=5,
        number=1000,
        stand_ins=stand_ins(made.model, made.rows["train"]),
    )
    words = sentences(fitted.history, list(made.heads), list(made.dataset.inputs), given)
    return {"history": fitted.history, "best": fitted.best, "given": given, "words": words, "job": made}


def residual(made: Any) -> dict[str, float]:
    """The gradient at the class head's logits against p - y, on 256 training rows."""
    rows = made.rows["train"].take(np.arange(256))
    features = encode(made.model, rows.inputs, training=False)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(features.values()))
        _, outputs = decode(made.model, features, HEADS, training=False)
        logits = outputs["class"]
        loss, _ = made.trainer.losses["class"](rows.labels["class"], logits)
    sent = 256 * tape.gradient(loss, logits)
    wanted = tf.nn.softmax(logits) - tf.one_hot(rows.labels["class"], logits.shape[-1])
    size = tf.norm(wanted, axis=1)
    right = tf.argmax(logits, axis=1) == tf.cast(rows.labels["class"], tf.int64)
    return {
        "residual_gap": float(tf.reduce_max(tf.abs(sent - wanted))),
        "residual_right": float(tf.reduce_mean(size[right])),
        "residual_wrong": float(tf.reduce_mean(size[~right])),
        "share_right": float(tf.reduce_mean(tf.cast(right, tf.float32))),
    }


def doubled(optimizer: str) -> dict[str, float]:
    """How much further weights go in 20 steps with twice the loss weights, by part."""
    moved = []
    for weight in (1.0, 2.0):
        options = [f"optimizer={optimizer}", "schedule=constant", "optimizer.learning_rate=0.0001"]
        _, made = job(options, 1)
        parts = {name: made.model.get_layer(name) for name in ("head_class", "branch_image")}
        before = {name: [v.numpy() for v in part.trainable_variables] for name, part in parts.items()}
        rows = made.rows["train"].take(np.arange(20 * 32))
        made.trainer.train(rows, order_of(1, 20 * 32, 0, True), np.full(2, weight, "float32"))
        moved.append(
            {name: _distance(before[name], part.trainable_variables) for name, part in parts.items()}
        )
    return {name: moved[1][name] / moved[0][name] for name in moved[0]}


def _distance(before: Sequence[Any], variables: Sequence[Any]) -> float:
    return float(np.sqrt(sum(np.sum((v.numpy() - b) ** 2) for v, b in zip(variables, before, strict=True))))


def numbers(runs: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """All that the text speaks of."""
    joint = runs["joint"]
    sent = {
        f"{head}_{branch}": joint["history"][f"flow/{head}_to_{branch}"]
        for head in HEADS
        for branch in BRANCHES
    }
    alone = runs["series alone"]["history"]["flow/class_to_series"]
    skills = {name: {head: one["best"][f"val/{head}_skill"] for head in HEADS} for name, one in runs.items()}
    given = {f"{one.branch}_{one.head}": one for one in joint["given"] if one.how == "permuted"}
    shares = {
        name: mean(one["history"], "flow/image_from_class")
        for name, one in runs.items()
        if "flow/image_from_class" in one["history"]
    }
    return {
        "epochs": epochs,
        **residual(joint["job"]),
        "first_sent": sent["class_series"][0],
        "last_sent": sent["class_series"][-1],
        "alone_last": alone[-1],
        "starved": sent["class_series"][-1] / alone[-1],
        "skills": skills,
        "given": given,
        "shares": shares,
        "words": joint["words"],
        "conflict": 100 * mean(joint["history"], "flow/conflict_class_score"),
        "cosine": mean(joint["history"], "flow/cos_class_score"),
        "adam": doubled("adam"),
        "sgd": doubled("sgd"),
        "uncertainty_weights": {head: runs["uncertainty"]["history"][f"weight/{head}"][-1] for head in HEADS},
    }


def draw(runs: Mapping[str, Any], folder: Path) -> None:
    """The figures of the joint run as its report has them, and the starved branch."""
    with look([*HEADS, *BRANCHES]):
        drawings = {
            "flow": flow_maps(runs["joint"]["history"], HEADS, BRANCHES),
            "contribution": contribution_bars(runs["joint"]["given"]),
        }
        for name, drawing in drawings.items():
            drawing.figure.savefig(folder / f"losses_{name}.png", dpi=DPI)
        figure, (left, right) = panels(2, columns=2, height=2.6)
        shown = {"joint": COLOURS[0], "series alone": COLOURS[1]}
        for axes, metric, title in (
            (left, "flow/class_to_series", "gradient that class sends to series, per row"),
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
