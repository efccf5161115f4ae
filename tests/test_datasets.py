"""The data sets that come with the program load with the shapes that their configs promise."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import data, datasets
from pipeline.config import CONF
from pipeline.datasets import noise
from tests.shipped import shipped

FOLDER = Path(datasets.__file__).parent


def shapes(arrays: dict[str, np.ndarray]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (values.shape[1:], str(values.dtype)) for name, values in arrays.items()}


TABLE = {
    f"traits.{name}": ((), "float64") for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")
}
# Rows of each split, then raw and prepared inputs, and labels.
EXPECTED = {
    "kanji": (
        (4489, 962, 962),
        {"image": ((32, 32, 1), "uint8"), "series": ((172, 2), "float32")},
        {"image": ((32, 32, 1), "uint8"), "series": ((172, 2), "float32")},
        {"class": ((), "int32"), "score": ((1,), "float32")},
    ),
    "emoji": (
        (1334, 285, 287),
        {"gray": ((32, 32, 1), "uint8"), "colour": ((32, 32, 3), "uint8"), "name": ((), "object")},
        {"gray": ((32, 32, 1), "uint8"), "colour": ((32, 32, 3), "uint8"), "name": ((239,), "int32")},
        {"class": ((), "int32")},
    ),
    "multimnist": (
        (14000, 2000, 4000),
        {"image": ((36, 36, 1), "uint8")},
        {"image": ((36, 36, 1), "uint8")},
        {"left": ((), "int32"), "right": ((), "int32")},
    ),
    "penguins": (
        (241, 52, 51),
        {"traits.island": ((), "object"), "traits.sex": ((), "object"), **TABLE},
        {"traits": ((8,), "float32")},
        {"species": ((), "int32"), "body_mass": ((1,), "float32")},
    ),
    "noise": (
        (100, 50, 50),
        {"image": ((32, 32, 3), "float32"), "series": ((20, 10), "float32")},
        {"image": ((32, 32, 3), "float32"), "series": ((20, 10), "float32")},
        {"class": ((5,), "float32"), "score": ((1,), "float32")},
    ),
}


def test_every_data_config_is_tested_here() -> None:
    assert set(EXPECTED) == {path.stem for path in (CONF / "data").glob("*.yaml")}


@pytest.mark.parametrize("name", EXPECTED)
def test_data_sets_load_with_their_shapes(name: str) -> None:
    dataset = data.load(**shipped(name))
    rows, raw, prepared, labels = EXPECTED[name]
    assert tuple(len(split.rows) for split in dataset.splits.values()) == rows
    for split in dataset.splits.values():
        assert (shapes(split.raw), shapes(split.prepared), shapes(split.labels)) == (raw, prepared, labels)
        lengths = {len(values) for arrays in (split.raw, split.labels) for values in arrays.values()}
        assert lengths == {len(split.rows)}
    every_row = np.concatenate([split.rows for split in dataset.splits.values()])
    assert sorted(every_row) == list(range(sum(rows)))


def test_kanji_series_are_nan_after_their_length_and_nowhere_else() -> None:
    split = data.load(**shipped("kanji")).splits["val"]
    with np.load(FOLDER / "kanji.npz") as archive:
        length = archive["length"][split.rows]
    after_end = np.arange(172)[None, :] >= length[:, None]
    for array in (split.raw["series"], split.prepared["series"]):
        assert (np.isnan(array) == after_end[..., None]).all()


def test_kanji_classes_have_the_names_of_the_file() -> None:
    target = data.load(**shipped("kanji")).targets["class"]
    assert (target.units, target.names[:2]) == (31, ["other", "木"])


def test_penguin_splits_have_the_same_shares_of_each_species() -> None:
    dataset = data.load(**shipped("penguins"))
    shares = [np.bincount(split.labels["species"]) / len(split.rows) for split in dataset.splits.values()]
    assert np.ptp(shares, axis=0).max() < 0.02


def test_the_split_of_the_penguins_never_changes() -> None:
    # It is the same on every machine: a change here changes the split of every user's data.
    assert data.load(**shipped("penguins")).fingerprint.startswith("78fb92ca")


def test_noise_has_class_distributions_and_half_as_many_validation_and_test_rows() -> None:
    arrays = noise(rows=10, seed=3)
    assert np.bincount(arrays["split"]).tolist() == [10, 5, 5]
    np.testing.assert_allclose(arrays["class"].sum(axis=1), 1, rtol=1e-6)
    assert (arrays["image"] == noise(rows=10, seed=3)["image"]).all()
    assert (arrays["image"] != noise(rows=10, seed=4)["image"]).any()


def test_every_file_has_its_licence_in_the_notice() -> None:
    notice = (FOLDER / "NOTICE").read_text(encoding="utf-8")
    files = [path.name for path in FOLDER.iterdir() if path.suffix in (".npz", ".csv")]
    assert len(files) == 4
    assert all(f"{name}\n" in notice for name in files)
