"""Every encoder by itself: what is missing changes nothing, and rows do not see each other."""

import keras
import numpy as np
import pytest

from pipeline import branches
from pipeline.errors import ConfigError

rng = np.random.default_rng(0)
SERIES_BRANCHES = [
    branches.Conv1D(filters=[4, 5], kernel_size=3),
    branches.Conv1D(filters=[4, 5], kernel_size=3, padding="valid"),
    branches.Conv1D(filters=[4], kernel_size=4, pooling="average", units=[3]),
    branches.GRU(units=[4, 3]),
    branches.LSTM(units=[4, 3]),
    branches.Transformer(width=8, attention_heads=2),
    branches.Transformer(width=8, attention_heads=2, position="learned", longest=7, pooling="max"),
    branches.Transformer(width=6, attention_heads=2, position="none", blocks=1, units=[3]),
]
TEXT_BRANCHES = [
    branches.TextBag(embedding=8, units=[3]),
    branches.TextBag(embedding=8, pooling="max"),
    branches.TextConv(embedding=8, filters=[4, 5]),
    branches.TextConv(embedding=8, filters=[4], padding="valid", pooling="average"),
    branches.TextTransformer(embedding=8, attention_heads=2),
    branches.TextTransformer(embedding=8, attention_heads=2, position="learned", longest=4),
]
IMAGE_BRANCHES = [
    branches.Conv2D(filters=[4, 4], pooling="flatten", units=[5]),
    branches.ResNet(filters=[4, 6], blocks=2, units=[5]),
]


def built(branch, shape, dtype="float32", vocabularies=()):
    keras.utils.set_random_seed(0)
    entry = keras.Input(shape, dtype=dtype)
    return keras.Model(entry, branch(entry, name="input", vocabularies=vocabularies))


@pytest.mark.parametrize("branch", SERIES_BRANCHES)
def test_a_series_alone_and_in_a_batch_with_a_longer_one_gives_the_same_features(branch):
    model = built(branch, (None, 3))
    long = rng.normal(size=(4, 20, 3)).astype("float32")
    for length in (1, 2, 5, 20):
        alone = long[:1, :length]
        batch = long.copy()
        batch[0, length:] = np.nan
        np.testing.assert_allclose(model(alone)[0], model(batch)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("branch", SERIES_BRANCHES)
def test_a_series_without_any_step_gives_numbers(branch):
    assert np.isfinite(built(branch, (None, 3))(np.full((2, 6, 3), np.nan, "float32"))).all()


def test_a_valid_convolution_over_whole_series_is_that_of_keras():
    model = built(branches.Conv1D(filters=[4], kernel_size=3, padding="valid", activation=None), (None, 3))
    plain = keras.Sequential([keras.layers.Conv1D(4, 3), keras.layers.GlobalMaxPooling1D()])
    x = rng.normal(size=(5, 9, 3)).astype("float32")
    plain(x)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(x), plain(x), rtol=1e-6)


@pytest.mark.parametrize("position", ["sinusoidal", "learned", "none"])
def test_a_transformer_sees_the_order_of_the_steps_unless_told_not_to(position):
    model = built(branches.Transformer(width=8, attention_heads=2, position=position), (None, 3))
    x = rng.normal(size=(1, 9, 3)).astype("float32")
    same = np.allclose(model(x), model(x[:, ::-1]), atol=1e-5)
    assert same == (position == "none")


@pytest.mark.parametrize("branch", TEXT_BRANCHES)
def test_a_text_alone_and_padded_gives_the_same_features_and_an_empty_one_numbers(branch):
    model = built(branch, (None,), "int32", (12,))
    ids = rng.integers(1, 12, (3, 9)).astype("int32")
    ids[0, 4:] = 0
    np.testing.assert_allclose(model(ids[:1, :4])[0], model(ids)[0], rtol=1e-5, atol=1e-6)
    assert np.isfinite(model(np.zeros((2, 5), "int32"))).all()


@pytest.mark.parametrize("branch", IMAGE_BRANCHES)
def test_rows_do_not_see_each_other_in_training_either(branch):
    model = built(branch, (16, 16, 3))
    x = rng.random((4, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(model(x, training=True)[:2], model(x[:2], training=True), rtol=1e-5, atol=1e-6)


def test_a_residual_network_halves_the_image_at_each_stage_but_the_first():
    model = built(branches.ResNet(filters=[4, 6, 8], blocks=2), (16, 16, 3))
    assert model.get_layer("input_end_norm").output.shape == (None, 4, 4, 8)


def test_some_words_and_categories_are_taken_for_unseen_ones_in_training_only():
    ids = np.full((400, 5), 3, "int32")
    model = built(branches.TextBag(embedding=2, unseen=0.3), (None,), "int32", (6,))
    embedding = np.arange(12.0).reshape(6, 2)
    model.get_layer("input_embedding").set_weights([embedding])
    np.testing.assert_allclose(model(ids), np.tile(embedding[3], (400, 1)))
    shares = (np.asarray(model(ids, training=True))[:, 0] - embedding[3, 0]) / (embedding[1, 0] - 6)
    assert shares.mean() == pytest.approx(0.3, abs=0.05)


def test_a_missing_cell_is_no_unseen_category():
    table = branches.Table(units=[], embedding=2, unseen=0.9)
    model = built(table, (1,), vocabularies=(4,))
    embedding = np.arange(8.0).reshape(4, 2)
    model.get_layer("input_embedding_1").set_weights([embedding])
    np.testing.assert_array_equal(model(np.array([[1.0], [0.0], [3.0]])), embedding[[1, 0, 3]])
    # A category that was hidden is an unseen one, code 0.
    rows = np.asarray(model(np.full((200, 1), 3.0), training=True))
    assert {tuple(row) for row in rows} == {tuple(embedding[0]), tuple(embedding[3])}


def test_a_table_without_numbers_and_one_without_categories():
    x = np.ones((2, 2), "float32")
    assert built(branches.Table(units=[3]), (2,), vocabularies=(4, 4))(x).shape == (2, 3)
    assert built(branches.Table(units=[3]), (2,))(x).shape == (2, 3)


MOVED = {
    "flip": {"flip": "both"},
    "shift": {"shift": 0.2},
    "rotate": {"rotate": 30},
    "zoom": {"zoom": 0.3},
    "grain": {"grain": 0.1},
}


def augmented(**changes):
    branch = branches.Conv2D(filters=[], pooling="flatten", augment=branches.Augment(**changes))
    return built(branch, (8, 8, 1))


@pytest.mark.parametrize("changes", MOVED.values(), ids=MOVED)
def test_images_are_changed_in_training_only_each_in_its_own_way_and_by_the_seed(changes):
    x = np.repeat(rng.random((1, 8, 8, 1)).astype("float32"), 8, axis=0)
    model = augmented(**changes)
    for said in ({}, {"training": False}):
        np.testing.assert_array_equal(model(x, **said), x.reshape(8, -1))
    rows, again = np.asarray(model(x, training=True)), np.asarray(model(x, training=True))
    assert len(np.unique(rows, axis=0)) > 1
    assert np.abs(rows - again).max() > 0
    np.testing.assert_array_equal(augmented(**changes)(x, training=True), rows)


def test_a_flip_mirrors_in_the_ways_it_is_told():
    x = np.repeat(rng.random((1, 8, 8, 1)).astype("float32"), 40, axis=0)
    for flip, ways in (("horizontal", {"", "h"}), ("vertical", {"", "v"}), ("both", {"", "h", "v", "hv"})):
        seen = np.asarray(augmented(flip=flip)(x, training=True)).reshape(-1, 8, 8)
        image = x[0, ..., 0]
        wanted = {"": image, "h": image[:, ::-1], "v": image[::-1], "hv": image[::-1, ::-1]}
        found = {way for way, one in wanted.items() if (seen == one).all(axis=(1, 2)).any()}
        assert found == ways


@pytest.mark.parametrize("branch", [branches.Conv2D, branches.ResNet])
def test_every_image_branch_takes_the_changes(branch):
    x = rng.random((4, 16, 16, 1)).astype("float32")
    model = built(branch(filters=[4], augment=branches.Augment(shift=0.3)), (16, 16, 1))
    assert np.abs(model(x, training=True) - model(x)).max() > 0


SMALL = {"architecture": "MobileNet", "options": {"alpha": 0.25}}


def test_a_network_of_keras_gets_grey_and_small_images_as_it_wants_them():
    model = built(branches.Application(**SMALL), (16, 20, 1))
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert network.input_shape == (None, 32, 40, 3)
    seen = keras.Model(model.input, network._inbound_nodes[0].input_tensors[0])
    values = np.stack([np.zeros((16, 20, 1)), np.ones((16, 20, 1))]).astype("float32")
    for image, wanted in zip(np.asarray(seen(values)), (-1, 1), strict=True):
        np.testing.assert_allclose(image, wanted, atol=1e-5)


def test_a_network_of_keras_starts_from_a_file_and_may_stay_as_it_is(tmp_path):
    source = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    source.save_weights(tmp_path / "mobile.weights.h5")
    branch = branches.Application(**SMALL, weights=str(tmp_path / "mobile.weights.h5"), trainable=False)
    model = built(branch, (32, 32, 3))
    assert not model.trainable_variables
    for mine, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    x = rng.random((2, 32, 32, 3)).astype("float32")
    # Frozen, it normalises by its own means in training too.
    np.testing.assert_array_equal(model(x, training=True), model(x, training=False))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"architecture": "MobilNet"}, "nearest: MobileNet"), ({"options": {"alfa": 1}}, "alfa")],
)
def test_a_wrong_network_is_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        built(branches.Application(**SMALL | wrong), (32, 32, 3))
