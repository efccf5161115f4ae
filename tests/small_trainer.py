"""A small trainer of two branches and two heads on random rows, and the same model in plain Keras."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from pipeline import branches, fusion, heads
from pipeline.balancers import Static
from pipeline.model import build_model, build_presenter
from pipeline.training.fit import order_of
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Rows, Trainer

ROWS = 100
rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(ROWS, 8, 8, 3)).astype("float32")
SERIES = rng.normal(size=(ROWS, 6, 4)).astype("float32")
CODES = rng.integers(0, 5, ROWS).astype("int32")
SCORES = rng.normal(size=(ROWS, 1)).astype("float32")
INPUTS = {"image": IMAGES, "series": SERIES}
LABELS = {"class": CODES, "score": SCORES}
CROSS_ENTROPY = {"class": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
LOSSES = {**CROSS_ENTROPY, "score": keras.losses.MeanSquaredError()}


@dataclass
class Source:
    kind: str
    shape: tuple
    prepare_in_model: bool = False
    vocabularies: tuple = ()

    def specs(self):
        return {self.kind: (self.shape, "float32")}

    def prepare(self, tensors):
        return tensors[self.kind]


@dataclass
class Target:
    kind: str
    units: int

    def present(self, x):
        return x


SOURCES = {"image": Source("image", (8, 8, 3)), "series": Source("series", (None, 4))}
TARGETS = {"class": Target("category", 5), "score": Target("number", 1)}


def make_trainer(
    names=("class", "score"),
    *,
    optimizer="rmsprop",
    complete=True,
    factors=None,
    dropout=0.0,
    jit=False,
    balancer=None,
    reads=None,
    dropout_input=0.0,
    modulation=None,
    average=None,
    on_nan="stop",
):
    keras.utils.set_random_seed(0)
    reads = reads or {}
    made = {
        "class": heads.Multiclass(loss=LOSSES["class"], branch=reads.get("class")),
        "score": heads.Regression(loss=LOSSES["score"], branch=reads.get("score")),
    }
    made = {name: made[name] for name in names}
    parts = {
        "image": branches.Conv2D(
            filters=[3], activation=None, padding="valid", pool_size=1, dropout_input=dropout_input
        ),
        "series": branches.Conv1D(filters=[3], activation=None, padding="valid", dropout=dropout),
    }
    model = build_model(SOURCES, TARGETS, parts, fusion.Concatenate(), made)
    losses = {n: HeadLoss(loss=LOSSES[n], kind=TARGETS[n].kind, complete=complete) for n in names}
    if isinstance(optimizer, str):
        optimizer = keras.optimizers.get(optimizer)
    presenter = build_presenter(TARGETS, made)
    balancer = balancer or Static()
    balancer.build(list(names), {name: TARGETS[name].kind for name in names})
    if modulation:
        modulation.build(list(parts), steps=4)
    return Trainer(
        model,
        presenter,
        losses,
        balancer,
        optimizer,
        batch_size=32,
        rates=factors,
        jit=jit,
        modulation=modulation,
        average=average,
        on_nan=on_nan,
    )


def plain_keras(names):
    image, series = keras.Input((8, 8, 3), name="image"), keras.Input((None, 4), name="series")
    left = layers.GlobalMaxPooling2D()(layers.Conv2D(3, 3)(image))
    right = layers.GlobalMaxPooling1D()(layers.Conv1D(3, 3)(series))
    joined = layers.Concatenate()([left, right])
    outputs = {"class": layers.Dense(5, name="class")(joined), "score": layers.Dense(1, name="score")(joined)}
    return keras.Model({"image": image, "series": series}, {name: outputs[name] for name in names})


def train(trainer, labels=LABELS, weights=(1.0, 1.0), epochs=1, shuffle=False):
    rows = Rows.of(INPUTS, {name: labels[name] for name in trainer.losses})
    weights = np.array(weights[: len(trainer.losses)], "float32")
    return [trainer.train(rows, order_of(e, ROWS, 0, shuffle), weights) for e in range(1, epochs + 1)]
