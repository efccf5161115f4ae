"""A data set knows which inputs and labels are missing, and feeds the rows of a split."""

import numpy as np
import pytest

from pipeline import data
from pipeline.data.feed import Rows, Stream, weight_key
from tests.data.small_data import COLUMN_SPLIT, NAN, PIXELS, ROWS, SERIES, SPLIT, objects


@pytest.fixture(scope="module", params=[True, False], ids=["in memory", "streamed"])
def dataset(request: pytest.FixtureRequest) -> data.Dataset:
    series, images = SERIES.copy(), objects(*PIXELS)
    series[7] = NAN  # a validation row
    series[0, 1:] = NAN
    images[10] = None  # a test row
    columns = {
        "image": images,
        "bytes": PIXELS,
        "series": series,
        "text": objects(*["red", "", "blue"] * 4),
        "number": np.where(SPLIT == 1, NAN, np.arange(ROWS)),
        "class": objects(*["a", "b"] * 5, "a", None),
        "complete": np.arange(ROWS) % 2,
        "weight": np.arange(ROWS) / 2,
        "split": SPLIT,
    }
    return data.load(
        {"s": columns},
        {
            "image": {"kind": "image", "column": "s.image"},
            "bytes": {"kind": "image", "column": "s.bytes"},
            "series": {"kind": "series", "column": "s.series"},
            "text": {"kind": "text", "column": "s.text"},
            "vector": {"kind": "vector", "column": "s.number"},
        },
        {
            "class": {"kind": "category", "column": "s.class", "sample_weight": "s.weight"},
            "number": {"kind": "number", "column": "s.number"},
            "complete": {"kind": "binary", "column": "s.complete"},
        },
        COLUMN_SPLIT,
        in_memory=request.param,
    )


def test_images_series_and_texts_are_missing_inputs_if_a_row_of_the_split_has_none(
    dataset: data.Dataset,
) -> None:
    missing = {split: dataset.missing_inputs(split) for split in dataset.splits}
    assert missing == {"train": ["text"], "val": ["series", "text"], "test": ["image", "text"]}


def test_a_target_is_complete_if_no_split_has_a_missing_label(dataset: data.Dataset) -> None:
    complete = [name for name in dataset.targets if dataset.is_complete(name)]
    assert complete == ["complete"]


def test_a_target_is_labelled_in_a_split_that_has_a_label(dataset: data.Dataset) -> None:
    assert [split for split in dataset.splits if dataset.is_labelled("number", split)] == ["train", "test"]
    assert dataset.is_labelled("class", "test")


def test_the_feed_of_a_split_has_its_inputs_labels_and_sample_weights(dataset: data.Dataset) -> None:
    feed, split = dataset.feed("val"), dataset.splits["val"]
    assert isinstance(feed, Stream if dataset.streamed else Rows)
    rows = feed.take(np.arange(len(feed)))
    for name, values in split.prepared.items():
        np.testing.assert_array_equal(rows.inputs[name], values[:])
    for name, labels in split.labels.items():
        np.testing.assert_array_equal(rows.labels[name], labels)
    np.testing.assert_array_equal(rows.labels[weight_key("class")], split.rows / 2)


def test_rows_that_do_not_fit_on_the_device_come_in_windows(dataset: data.Dataset) -> None:
    whole, windows = dataset.feed("train"), dataset.feed("train", whole=False)
    assert isinstance(windows, Stream)
    order = np.arange(len(whole))
    ((first, places),) = windows.windows(order, 32)
    for name, values in whole.inputs.items():
        np.testing.assert_array_equal(first.take(places).inputs[name], values)
    for name, values in whole.labels.items():
        np.testing.assert_array_equal(first.take(places).labels[name], values)
    sizes = [np.asarray(x).nbytes for split in dataset.splits.values() for x in split.prepared.values()]
    assert dataset.size() == sum(sizes)
