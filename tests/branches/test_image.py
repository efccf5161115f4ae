"""Image branches: rows are independent, and networks of keras.applications get the images they expect."""

import keras
import numpy as np
import pytest

from pipeline import branches
from pipeline.errors import ConfigError
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)
IMAGE_BRANCHES = [
    branches.Conv2D(filters=[4, 4], pooling="flatten", units=[5]),
    branches.ResNet(filters=[4, 6], blocks=2, units=[5]),
]
MOBILE_NET = {"architecture": "MobileNet", "options": {"alpha": 0.25}}


@pytest.mark.parametrize("branch", IMAGE_BRANCHES)
def test_the_features_of_a_row_do_not_depend_on_its_batch_even_in_training(branch):
    model = model_of(branch, (16, 16, 3))
    x = rng.random((4, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(model(x, training=True)[:2], model(x[:2], training=True), rtol=1e-5, atol=1e-6)


def test_a_residual_network_halves_the_image_at_each_stage_but_the_first():
    model = model_of(branches.ResNet(filters=[4, 6, 8], blocks=2), (16, 16, 3))
    assert model.get_layer("input_end_norm").output.shape == (None, 4, 4, 8)


@pytest.mark.parametrize("branch", [branches.Conv2D, branches.ResNet])
def test_every_image_branch_can_augment_its_images(branch):
    x = rng.random((4, 16, 16, 1)).astype("float32")
    model = model_of(branch(filters=[4], augment=branches.Augment(shift=0.3)), (16, 16, 1))
    assert np.abs(model(x, training=True) - model(x)).max() > 0


def test_a_keras_network_gets_grey_and_small_images_enlarged_with_three_channels():
    model = model_of(branches.Application(**MOBILE_NET), (16, 20, 1))
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert network.input_shape == (None, 32, 40, 3)
    entry = keras.Model(model.input, network._inbound_nodes[0].input_tensors[0])
    black_and_white = np.stack([np.zeros((16, 20, 1)), np.ones((16, 20, 1))]).astype("float32")
    for image, expected in zip(np.asarray(entry(black_and_white)), (-1, 1), strict=True):
        np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.slow
def test_a_keras_network_can_load_its_weights_from_a_file_and_freeze_them(tmp_path):
    source = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    source.save_weights(tmp_path / "mobile.weights.h5")
    branch = branches.Application(**MOBILE_NET, weights=str(tmp_path / "mobile.weights.h5"), trainable=False)
    model = model_of(branch, (32, 32, 3))
    assert not model.trainable_variables
    for loaded, saved in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, saved)
    x = rng.random((2, 32, 32, 3)).astype("float32")
    # A frozen network normalises by its stored statistics in training too.
    np.testing.assert_array_equal(model(x, training=True), model(x, training=False))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"architecture": "MobilNet"}, "'MobilNet'"), ({"options": {"alfa": 1}}, "alfa")],
)
def test_a_keras_network_that_cannot_be_built_is_a_config_error(wrong, message):
    with pytest.raises(ConfigError, match=message):
        model_of(branches.Application(**MOBILE_NET | wrong), (32, 32, 3))
