"""Every encoder with every fusion and head: all weights learn, and the loaded model predicts the same.

Building and tracing models takes most of the time, so each model has several encoders, each with its own
input, and all heads. The quick part has one model per fusion and every encoder in one of them; the slow part
has every encoder in each model, and so all pairs of encoder and fusion.
"""

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
MISSING = np.isin(np.arange(ROWS) % 12, (0, 2, 4))  # rows without image, series, text and table cells
WORDS = np.array(["red", "green", "blue", "dark red", "light blue sky", "sea"])[np.arange(ROWS) // 6]


def with_missing_rows(values):
    return np.where(MISSING.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values).astype("float32")


SOURCE = {
    "image": with_missing_rows(rng.random((ROWS, 8, 8, 1))),
    "series": with_missing_rows(rng.normal(size=(ROWS, 9, 2))),
    "length": rng.integers(2, 10, ROWS),
    "vector": np.where(rng.random((ROWS, 4)) < 0.1, np.nan, rng.normal(5, 3, (ROWS, 4))),
    "amount": np.where(MISSING, np.nan, rng.normal(100, 20, ROWS)),
    "colour": np.where(MISSING, "", WORDS),
    "title": np.where(MISSING, "", WORDS),
    "class": np.arange(ROWS) // 6 % 3,
    "score": rng.normal(50, 10, ROWS),
    "late": (np.arange(ROWS) % 2).astype(float),
    "tags": rng.integers(0, 2, (ROWS, 3)).astype(float),
    "split": np.arange(ROWS) // 2 % 3,
}
KINDS = {
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
# Vectors and tables have no missing rows: drop enough for some of the twelve rows to be dropped.
OFTEN = {"dropout": 0.1, "dropout_input": 0.5}
AUGMENT = branches.Augment(flip="both", shift=0.1, rotate=5, zoom=0.1, grain=0.1)
ENCODERS = {
    "conv2d": ("image", branches.Conv2D(filters=[4], units=[6], **SMALL)),
    "resnet": ("image", branches.ResNet(filters=[4, 8], augment=AUGMENT, **SMALL)),
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
    "tabm": ("table", branches.TabM(units=[6], members=3, embedding=2, unseen=0.1, **OFTEN)),
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
    "film_one": fusion.FiLM(width=8, condition="always"),
}
QUICK = {
    "concatenate": (["conv2d", "transformer_learned", "table", "lstm", "text_bag"], ()),
    "attention": (
        ["resnet", "gru", "transformer", "conv1d", "text_conv", "text_transformer"],
        pytest.mark.slow,
    ),
    "film_one": (["dense", "application", "tabm"], pytest.mark.slow),
}
# Without an input that is never missing, the fusion of a row without inputs is 0, where ReLU has no gradient.
ALWAYS = branches.Dense(units=[6])
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
MODELS = [
    *(
        pytest.param((joint, tuple(encoders)), id=joint, marks=marks)
        for joint, (encoders, marks) in QUICK.items()
    ),
    *(pytest.param((joint, tuple(ENCODERS)), id=f"{joint}-all", marks=pytest.mark.slow) for joint in FUSIONS),
]


def subclasses(module, base):
    return {one for one in vars(module).values() if isinstance(one, type) and issubclass(one, base)} - {base}


def test_every_encoder_fusion_and_head_is_tested_here():
    assert {type(branch) for _, branch in ENCODERS.values()} == subclasses(branches, branches.Branch)
    assert {type(joint) for joint in FUSIONS.values()} == subclasses(fusion, fusion.Fusion)
    assert {type(head) for head in HEADS.values()} == subclasses(heads, heads.Head) - {heads.Classes}


@pytest.fixture(scope="module")
def dataset():
    inputs = {encoder: KINDS[kind] for encoder, (kind, _) in ENCODERS.items()}
    inputs["always"] = KINDS["vector"]
    return data.load({"s": SOURCE}, inputs, TARGETS, {"column": "s.split", "train": 0, "val": 1, "test": 2})


def make_trainer(dataset, joint, encoders, names=tuple(HEADS)):
    keras.utils.set_random_seed(0)
    chosen = {name: HEADS[name] for name in names}
    model = build_model(
        dataset.inputs,
        dataset.targets,
        {"always": ALWAYS} | {encoder: ENCODERS[encoder][1] for encoder in encoders},
        FUSIONS[joint],
        chosen,
        {encoder for encoder in encoders if ENCODERS[encoder][0] in ("image", "series", "text")},
    )
    losses = {name: HeadLoss(loss=head.loss, kind=TARGETS[name]["kind"]) for name, head in chosen.items()}
    balancer = Static()
    balancer.build(list(chosen), {})
    presenter = build_presenter(dataset.targets, chosen)
    return Trainer(model, presenter, losses, balancer, keras.optimizers.SGD(0.1), batch_size=12)


def train(trainer, dataset, loss_weights=None):
    """Train one step; return its losses and which variables it changed."""
    split = dataset.splits["train"]
    inputs = {name: split.prepared[name] for name in trainer.model.input}
    rows = Rows.of(inputs, {name: split.labels[name] for name in trainer.losses})
    weights = np.ones(len(trainer.losses)) if loss_weights is None else np.array(loss_weights)
    before = [variable.numpy().copy() for variable in trainer.variables]
    losses = trainer.train(rows, np.arange(len(split.rows)), weights.astype("float32")).losses
    changed = {
        variable.path: bool(np.abs(old - variable.numpy()).max() > 0)
        for old, variable in zip(before, trainer.variables, strict=True)
    }
    return losses, changed


@pytest.fixture(scope="module", params=MODELS)
def trained(request, dataset):
    """A trainer after one step, and what `train` returned for it."""
    trainer = make_trainer(dataset, *request.param)
    return trainer, *train(trainer, dataset)


def test_one_step_changes_every_weight(trained):
    trainer, losses, changed = trained
    assert losses.keys() == trainer.losses.keys()
    assert [path for path, moved in changed.items() if not moved] == []
    for variable in trainer.variables:
        assert np.isfinite(variable.numpy()).all(), variable.path


def test_the_loaded_model_predicts_the_same(trained, dataset, tmp_path):
    trainer, *_ = trained
    whole = export_model(dataset.inputs, trainer.model, trainer.presenter, {})
    whole.save(tmp_path / "model.keras")
    raw = {name: dataset.splits["test"].raw[name][:] for name in whole.input}
    raw = {k: tf.constant(v.astype(str) if v.dtype == object else v) for k, v in raw.items()}
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)(raw)
    for head, values in whole(raw).items():
        assert np.isfinite(values).all(), head
        np.testing.assert_allclose(loaded[head], values, rtol=1e-5, atol=1e-6, err_msg=head)
    np.testing.assert_allclose(np.sum(loaded["grade"], axis=1), 1, rtol=1e-5)
    assert (np.diff(np.reshape(loaded["range"], (-1, 2, 3)), axis=-1) >= 0).all()


def test_a_missing_input_gives_its_learned_stand_in(trained, dataset):
    """Vectors and tables are never missing as a whole: their missing cells are filled and indicated."""
    split = dataset.splits["test"]
    missing = MISSING[split.rows]
    for name in trained[0].model.input.keys() & ENCODERS.keys():
        if ENCODERS[name][0] in ("vector", "table"):
            continue
        branch = trained[0].model.get_layer(f"branch_{name}")
        stand_in = branch.get_layer(f"{name}_stand_in")
        learned = np.arange(stand_in.kernel.shape[1], dtype="float32")
        stand_in.set_weights([learned[None]])
        features = np.asarray(branch(split.prepared[name]))
        np.testing.assert_array_equal(features[missing], np.tile(learned, (missing.sum(), 1)), err_msg=name)
        assert np.abs(features[~missing] - learned).max(axis=1).min() > 0.1, name


def test_every_head_reaches_every_weight_by_itself(dataset):
    trainer = make_trainer(dataset, "gated", ("conv1d",))
    for head, loss_weights in zip(HEADS, np.eye(len(HEADS)), strict=True):
        _, changed = train(trainer, dataset, loss_weights)
        others = tuple(f"{other}_output" for other in HEADS if other != head)
        for path, moved in changed.items():
            assert moved != path.startswith(others), (head, path)


def test_quantiles_of_several_columns_are_each_in_their_own_unit(dataset):
    trainer = make_trainer(dataset, "concatenate", ("dense",), ("score", "range"))
    raw = np.tile(np.float32([[-1, 0, 1, 2, 3, 4]]), (2, 1))
    shown = trainer.presenter({"score": np.zeros((2, 2), "float32"), "range": raw})["range"]
    target = dataset.targets["range"]
    expected = np.array([[-1, 0, 1], [2, 3, 4]]) * target.scale[:, None] + target.mean[:, None]
    np.testing.assert_allclose(shown[0], expected.reshape(-1), rtol=1e-5)
