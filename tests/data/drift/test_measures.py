"""What is measured of each kind of input."""

from types import SimpleNamespace

import numpy as np

from pipeline.data.drift.measures import measures


def of(kind, *, tokens=None, vocabulary=0, categories=(), **raw):
    source = SimpleNamespace(kind=kind, category_names=lambda: set(categories))
    return {one.name: one for one in measures("x", source, raw, tokens, vocabulary)}


def test_images_have_a_brightness_and_a_contrast_and_missing_ones_none():
    images = np.stack([np.full((2, 2, 1), 8.0), np.full((2, 2, 1), np.nan), np.eye(2)[..., None]])
    found = of("image", x=images.astype(np.float32))
    np.testing.assert_array_equal(found["x brightness"].values, [8, np.nan, 0.5])
    np.testing.assert_array_equal(found["x contrast"].values, [0, np.nan, 0.5])


def test_series_have_a_length_gaps_and_channels():
    series = np.full((2, 4, 2), np.nan)
    series[0, [0, 2]] = [[1, 5], [3, 5]]
    found = of("series", x=series)
    np.testing.assert_array_equal(found["x steps"].values, [3, np.nan])
    np.testing.assert_allclose(found["x missing steps"].values, [1 / 3, np.nan])
    np.testing.assert_array_equal(found["x channel 0 mean"].values, [2, np.nan])


def test_unseen_words_are_as_rare_as_the_last_word():
    tokens = np.array([[2, 0], [1, 0], [9, 0], [0, 0]])
    found = of("text", tokens=tokens, vocabulary=9, x=np.array(["a", "b", "c", ""], object))
    rarity = found["x rarity of words"].values
    assert rarity[0] < rarity[1] == rarity[2]
    np.testing.assert_array_equal(found["x length"].values, [1, 1, 1, np.nan])
    assert found["x words"].kind == "words"


def test_columns_of_categories_may_be_numbers_and_vectors_have_columns():
    numbers = np.array([1.0, np.nan, 12.5])
    found = of("table", categories=["x.a"], **{"x.a": numbers, "x.b": numbers})
    assert (found["x.a"].kind, found["x.a"].values.tolist()) == ("category", ["1", "", "12.5"])
    assert found["x.b"].kind == "number"
    assert list(of("vector", x=np.ones((3, 2)))) == ["x.0", "x.1"]
