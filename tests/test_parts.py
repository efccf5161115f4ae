"""Every encoder x fusion x head that fits: builds, learns with every weight, saves, loads, predicts the same.

Each model carries every head at once, so one model stands for all heads of an encoder and a fusion. All
encoders and all fusions are met in the quick part, every pair of the two in the part marked slow.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import branches, data, fusion, heads
from pipeline.balancers import Static
from pipeline.losses import Pinball
from pipeline.model import build_model, build_presenter, export_model
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Rows, Trainer

rng = np.random.default_rng(0)
ROWS = 36
GONE = np.isin(np.arange(ROWS) % 12, (0, 2, 4))  # rows without any input but the table and the vector
WORDS = np.array(["red", "green", "blue", "dark red", "light blue sky", "sea"])[np.arange(ROWS) // 6]


def holed(values):
    return np.where(GONE.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values).astype("float32")


SOURCE = {
    "image": holed(rng.random((ROWS, 8, 8, 1))),
    "series": holed(rng.normal(size=(ROWS, 9, 2))),
    "length": rng.integers(2, 10, ROWS),
    "vector": np.where(rng.random((ROWS, 4)) < 0.1, np.nan, rng.normal(5, 3, (ROWS, 4))),
    "amount": np.where(GONE, np.nan, rng.normal(100, 20, ROWS)),
    "colour": np.where(GONE, "", WORDS),
    "title": np.where(GONE, "", WORDS),
    "class": np.arange(ROWS) // 6 % 3,
    "score": rng.normal(50, 10, ROWS),
    "late": (np.arange(ROWS) % 2).astype(float),
    "tags": rng.integers(0, 2, (ROWS, 3)).astype(float),
    "split": np.arange(ROWS) // 2 % 3,
}
INPUTS = {
    "image": {"kind": "image", "column": "s.image"},
    "series": {"kind": "series", "column": "s.series", "length": "s.length"},
    "vector": {"kind": "vector", "column": "s.vector"},
    "table": {"kind": "table", "numeric": ["s.amount"], "categorical": ["s.colour"]},
    "text": {"kind": "text", "column": "s.title"},
}
GRADE = {"kind": "category", "column": "s.class"}
PRICE = {"kind": "number", "column": ["s.score", "s.amount"]}
TARGETS = {
    "class": GRADE,
    "class_focal": GRADE,
    "grade": GRADE,
    "score": PRICE,
    "range": PRICE,
    "late": {"kind": "binary", "column": "s.late"},
    "late_focal": {"kind": "binary", "column": "s.late"},
    "tags": {"kind": "labels", "column": "s.tags"},
}
SMALL = {"dropout": 0.1, "dropout_input": 0.1}
# So that of twelve rows some are dropped.
OFTEN = {"dropout": 0.1, "dropout_input": 0.5}
MOVED = branches.Augment(flip="both", shift=0.1, rotate=5, zoom=0.1, grain=0.1)
ENCODERS = {
    "conv2d": ("image", branches.Conv2D(filters=[4], units=[6], **SMALL)),
    "resnet": ("image", branches.ResNet(filters=[4, 8], augment=MOVED, **SMALL)),
    "application": (
        "image",
        branches.Application(architecture="MobileNet", options={"alpha": 0.25}, units=[6], **SMALL),
    ),
    "conv1d": ("series", branches.Conv1D(filters=[4, 4], padding="valid", **SMALL)),
    "gru": ("series", branches.GRU(units=[4, 4], **SMALL)),
    "lstm": ("series", branches.LSTM(units=[4, 4], **SMALL)),
    "transformer": ("series", branches.Transformer(width=8, attention_heads=2, **SMALL)),
    "transformer_learned": (
        "series",
        branches.Transformer(width=8, attention_heads=2, position="learned", longest=9, units=[5]),
    ),
    "dense": ("vector", branches.Dense(units=[6, 6], **OFTEN)),
    "table": ("table", branches.Table(units=[6], embedding=2, unseen=0.1, **OFTEN)),
    "text_bag": ("text", branches.TextBag(embedding=4, unseen=0.1, units=[5], **SMALL)),
    "text_conv": ("text", branches.TextConv(embedding=4, filters=[5], dropout_words=0.1, **SMALL)),
    "text_transformer": ("text", branches.TextTransformer(embedding=8, attention_heads=2, **SMALL)),
}
FUSIONS = {
    "concatenate": fusion.Concatenate(units=[7], dropout=0.1),
    "add": fusion.Add(width=8),
    "gated": fusion.Gated(width=8),
    "attention": fusion.Attention(width=8, attention_heads=2),
    "film": fusion.FiLM(width=8),
    "film_one": fusion.FiLM(width=8, condition="vector"),
}
LOGITS = {"from_logits": True}
QUANTILES = [0.1, 0.5, 0.9]
HEADS = {
    "class": heads.Multiclass(loss=keras.losses.SparseCategoricalCrossentropy(**LOGITS)),
    "class_focal": heads.Multiclass(loss=keras.losses.CategoricalFocalCrossentropy(**LOGITS), units=[5]),
    "grade": heads.Ordinal(loss=keras.losses.SparseCategoricalCrossentropy(**LOGITS)),
    "score": heads.Regression(loss=keras.losses.MeanSquaredError()),
    "range": heads.Quantiles(loss=Pinball(quantiles=QUANTILES), quantiles=QUANTILES),
    "late": heads.Binary(loss=keras.losses.BinaryCrossentropy(**LOGITS), dropout=0.1),
    "late_focal": heads.Binary(loss=keras.losses.BinaryFocalCrossentropy(**LOGITS)),
    "tags": heads.Multilabel(loss=keras.losses.BinaryCrossentropy(**LOGITS)),
}
PAIRS = list(itertools.product(ENCODERS, FUSIONS))
QUICK = [(encoder, list(FUSIONS)[i % len(FUSIONS)]) for i, encoder in enumerate(ENCODERS)]


@pytest.fixture(scope="module")
def dataset():
    return data.load({"s": SOURCE}, INPUTS, TARGETS, {"column": "s.split", "train": 0, "val": 1, "test": 2})


def make(dataset, encoder, joint, names=tuple(HEADS)):
    """A model of this encoder beside another input's, and the trainer of all its heads."""
    keras.utils.set_random_seed(0)
    source, branch = ENCODERS[encoder]
    parts = {"table": branches.Table(units=[6]), "vector": branches.Dense(units=[6]), source: branch}
    # Two branches: the encoder's, and one that FiLM may be conditioned by.
    parts = {name: parts[name] for name in (source, "table" if source == "vector" else "vector")}
    chosen = {name: HEADS[name] for name in names}
    missing = {"image", "series", "text"} & set(parts)
    model = build_model(dataset.inputs, dataset.targets, parts, FUSIONS[joint], chosen, missing)
    losses = {name: HeadLoss(loss=head.loss, kind=TARGETS[name]["kind"]) for name, head in chosen.items()}
    balancer = Static()
    balancer.build(list(chosen), {})
    presenter = build_presenter(dataset.targets, chosen)
    return Trainer(model, presenter, losses, balancer, keras.optimizers.SGD(0.1), batch_size=12)


def train(trainer, dataset):
    split = dataset.splits["train"]
    inputs = {name: split.prepared[name] for name in trainer.model.input}
    rows = Rows.of(inputs, {name: split.labels[name] for name in trainer.losses})
    return trainer.train(rows, np.arange(len(split.rows)), np.ones(len(trainer.losses), "float32"))


def assert_every_weight_moves(trainer, dataset):
    before = [variable.numpy().copy() for variable in trainer.variables]
    losses = train(trainer, dataset).losses
    assert losses.keys() == trainer.losses.keys()
    for old, variable in zip(before, trainer.variables, strict=True):
        assert np.isfinite(variable.numpy()).all(), variable.path
        assert np.abs(old - variable.numpy()).max() > 0, variable.path


def assert_saved_it_predicts_the_same(trainer, dataset, folder):
    whole = export_model(dataset.inputs, trainer.model, trainer.presenter, {})
    whole.save(folder / "model.keras")
    raw = {name: dataset.splits["test"].raw[name] for name in whole.input}
    raw = {k: tf.constant(v.astype(str) if v.dtype == object else v) for k, v in raw.items()}
    loaded = keras.saving.load_model(folder / "model.keras", safe_mode=True)(raw)
    for head, values in whole(raw).items():
        assert np.isfinite(values).all(), head
        np.testing.assert_allclose(loaded[head], values, rtol=1e-5, atol=1e-6, err_msg=head)
    np.testing.assert_allclose(np.sum(loaded["grade"], axis=1), 1, rtol=1e-5)
    assert (np.diff(np.reshape(loaded["range"], (-1, 2, 3)), axis=-1) >= 0).all()


@pytest.mark.parametrize(
    ("encoder", "joint"),
    [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in PAIRS],
)
def test_every_weight_learns_and_the_saved_model_predicts_the_same(dataset, encoder, joint, tmp_path):
    trainer = make(dataset, encoder, joint)
    assert_every_weight_moves(trainer, dataset)
    assert_saved_it_predicts_the_same(trainer, dataset, tmp_path)


@pytest.mark.parametrize("head", HEADS)
def test_every_head_alone_reaches_every_weight(dataset, head):
    assert_every_weight_moves(make(dataset, "conv1d", "gated", (head,)), dataset)


def test_quantiles_of_several_columns_are_each_in_their_own_unit(dataset):
    trainer = make(dataset, "dense", "concatenate", ("score", "range"))
    raw = np.tile(np.float32([[-1, 0, 1, 2, 3, 4]]), (2, 1))
    shown = trainer.presenter({"score": np.zeros((2, 2), "float32"), "range": raw})["range"]
    target = dataset.targets["range"]
    wanted = np.array([[-1, 0, 1], [2, 3, 4]]) * target.scale[:, None] + target.mean[:, None]
    np.testing.assert_allclose(shown[0], wanted.reshape(-1), rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_missing_input_gives_the_learned_stand_in(dataset, encoder):
    source = ENCODERS[encoder][0]
    if source in ("vector", "table"):
        pytest.skip(
            "a missing cell is filled and has an indicator: such an input is never missing as a whole"
        )
    layer = make(dataset, encoder, "add").model.get_layer(f"branch_{source}")
    stand_in = layer.get_layer(f"{source}_stand_in")
    learned = np.arange(stand_in.kernel.shape[1], dtype="float32")
    stand_in.set_weights([learned[None]])
    split = dataset.splits["test"]
    features = np.asarray(layer(split.prepared[source]))
    gone = GONE[split.rows]
    np.testing.assert_array_equal(features[gone], np.tile(learned, (gone.sum(), 1)))
    assert np.abs(features[~gone] - learned).max(axis=1).min() > 0.1
