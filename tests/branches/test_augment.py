"""Augmentation changes images in training only, each row differently, reproducibly by the seed."""

import numpy as np
import pytest

from pipeline import branches
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)
CHANGES = {
    "flip": {"flip": "both"},
    "shift": {"shift": 0.2},
    "rotate": {"rotate": 30},
    "zoom": {"zoom": 0.3},
    "grain": {"grain": 0.1},
}


def augmented(**changes):
    branch = branches.Conv2D(filters=[], pooling="flatten", augment=branches.Augment(**changes))
    return model_of(branch, (8, 8, 1))


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_images_change_only_in_training_each_row_differently_and_by_the_seed(changes):
    x = np.repeat(rng.random((1, 8, 8, 1)).astype("float32"), 8, axis=0)
    model = augmented(**changes)
    for arguments in ({}, {"training": False}):
        np.testing.assert_array_equal(model(x, **arguments), x.reshape(8, -1))
    rows, again = np.asarray(model(x, training=True)), np.asarray(model(x, training=True))
    assert len(np.unique(rows, axis=0)) > 1
    assert np.abs(rows - again).max() > 0
    np.testing.assert_array_equal(augmented(**changes)(x, training=True), rows)


def test_flip_mirrors_only_in_the_directions_of_the_config():
    x = np.repeat(rng.random((1, 8, 8, 1)).astype("float32"), 40, axis=0)
    image = x[0, ..., 0]
    mirrored = {"": image, "h": image[:, ::-1], "v": image[::-1], "hv": image[::-1, ::-1]}
    for flip, expected in (
        ("horizontal", {"", "h"}),
        ("vertical", {"", "v"}),
        ("both", {"", "h", "v", "hv"}),
    ):
        rows = np.asarray(augmented(flip=flip)(x, training=True)).reshape(-1, 8, 8)
        assert {way for way, one in mirrored.items() if (rows == one).all(axis=(1, 2)).any()} == expected
