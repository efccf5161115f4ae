"""What is shipped loads as its config says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import data
from pipeline.datasets import noise
from pipeline.errors import ConfigError
from tests.shipped import shipped

CONF = Path(__file__).parents[2] / "conf" / "data"


def shapes(arrays: dict[str, np.ndarray]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (values.shape[1:], str(values.dtype)) for name, values in arrays.items()}


TABLE = {
    f"traits.{name}": ((), "float32") for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")
}
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
        {"gray": ((32, 32, 1), "uint8"), "colour": ((32, 32, 3), "uint8"), "name": ((11,), "int32")},
        {"class": ((), "int32")},
    ),
    "multimnist": (
        (14000, 2000, 4000),
        {"image": ((36, 36, 1), "uint8")},
        {"image": ((36, 36, 1), "uint8")},
        {"left": ((), "int32"), "right": ((), "int32")},
    ),
    "penguins": (
        (241, 51, 52),
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


def test_every_shipped_config_is_expected_here() -> None:
    assert set(EXPECTED) <= {path.stem for path in CONF.glob("*.yaml")}
    assert len(EXPECTED) == 5


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_data_load_with_their_shapes(path: Path) -> None:
    dataset = data.load(**shipped(path.stem))
    rows, raw, prepared, labels = EXPECTED[path.stem]
    assert tuple(len(split.rows) for split in dataset.splits.values()) == rows
    for split in dataset.splits.values():
        assert (shapes(split.raw), shapes(split.prepared), shapes(split.labels)) == (raw, prepared, labels)
        assert {len(one) for group in (split.raw, split.labels) for one in group.values()} == {
            len(split.rows)
        }
    every = np.concatenate([split.rows for split in dataset.splits.values()])
    assert sorted(every) == list(range(sum(rows)))


def test_kanji_series_are_nan_past_their_length_and_nowhere_else() -> None:
    config = shipped("kanji")
    split = data.load(**config).splits["val"]
    with np.load(Path(data.__file__).parents[1] / "datasets" / "kanji.npz") as archive:
        length = archive["length"][split.rows]
    beyond = np.arange(172)[None, :] >= length[:, None]
    for array in (split.raw["series"], split.prepared["series"]):
        assert (np.isnan(array) == beyond[..., None]).all()


def test_kanji_classes_have_the_names_of_the_file() -> None:
    target = data.load(**shipped("kanji")).targets["class"]
    assert (target.units, target.names[:2]) == (31, ["other", "木"])


def test_penguins_are_alike_in_species_in_every_split() -> None:
    dataset = data.load(**shipped("penguins"))
    shares = [np.bincount(split.labels["species"]) / len(split.rows) for split in dataset.splits.values()]
    assert np.ptp(shares, axis=0).max() < 0.02


def test_the_shipped_penguin_split_never_changes() -> None:
    # The same on any machine: a change here changes everybody's split.
    assert data.load(**shipped("penguins")).fingerprint.startswith("194a5e7b")


def test_the_split_is_the_same_whatever_inputs_and_targets_a_model_uses() -> None:
    whole = data.load(**shipped("penguins"))
    part = data.load(**shipped("penguins"), only_inputs=[], only_targets=["body_mass"])
    assert (list(part.inputs), list(part.targets)) == ([], ["body_mass"])
    assert part.fingerprint == whole.fingerprint
    assert part.splits["test"].rows.tolist() == whole.splits["test"].rows.tolist()
    assert list(data.load(**shipped("penguins"), only_inputs=["traits"], only_targets=[]).inputs) == [
        "traits"
    ]


def test_a_table_arrays_and_pictures_joined_on_a_key_load_with_all_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    lines = ["id,photo,colour,size,kind,weight"]
    for number in range(40):
        picture = np.full((6, 6, 3), number * 6, dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
        photo = "" if number == 3 else f"{number}.png"
        colour, size = ["red", "", "blue"][number % 3], "" if number % 5 == 0 else number
        lines.append(
            f"k{number},{photo},{colour},{size},{['', 'a', 'b'][number % 3]},{number if number % 2 else ''}"
        )
    (tmp_path / "things.csv").write_text("\n".join(lines), encoding="utf-8")
    order = np.random.default_rng(0).permutation(40)
    series = np.repeat(order[:, None].astype(float), 4, axis=1)
    np.savez(tmp_path / "signals.npz", id=[f"k{number}" for number in order], wave=series)
    dataset = data.load(
        {"things": "things.csv", "signals": "signals.npz"},
        {
            "photo": {"kind": "image", "column": "things.photo", "root": "photos"},
            "wave": {"kind": "series", "column": "signals.wave", "scale": "none"},
            "traits": {"kind": "table", "numeric": ["things.size"], "categorical": ["things.colour"]},
        },
        {
            "kind": {"kind": "category", "column": "things.kind"},
            "weight": {"kind": "number", "column": "things.weight"},
        },
        {"fractions": [0.6, 0.2, 0.2], "stratify": "kind", "seed": 0},
        folders=[tmp_path / "elsewhere", tmp_path],
        join="id",
    )
    for split in dataset.splits.values():
        assert (split.prepared["wave"][:, 0, 0] == split.rows).all()
        photo = np.where(split.rows == 3, np.nan, split.rows * 6)
        np.testing.assert_array_equal(split.raw["photo"][:, 2, 2, 1], photo)
        assert (np.isnan(split.labels["weight"][:, 0]) == (split.rows % 2 == 0)).all()
        assert ((split.labels["kind"] == -1) == (split.rows % 3 == 0)).all()
        assert (split.prepared["traits"][:, 2] == (split.rows % 5 == 0)).all()


def test_noise_has_class_distributions_and_half_the_rows_again_per_split() -> None:
    arrays = noise(rows=10, seed=3)
    assert np.bincount(arrays["split"]).tolist() == [10, 5, 5]
    np.testing.assert_allclose(arrays["class"].sum(axis=1), 1, rtol=1e-6)
    assert (arrays["image"] == noise(rows=10, seed=3)["image"]).all()
    assert (arrays["image"] != noise(rows=10, seed=4)["image"]).any()


def test_only_what_is_asked_for_is_read() -> None:
    class Jealous(dict):
        def __getitem__(self, name: str) -> np.ndarray:
            assert name != "secret"
            return super().__getitem__(name)

    source = Jealous(a=np.arange(9.0), b=np.arange(9), split=np.arange(9) % 3, secret=np.zeros(9))
    dataset = data.load(
        {"s": source},
        {"a": {"kind": "vector", "column": "s.a"}},
        {"b": {"kind": "number", "column": "s.b"}},
        {"column": "s.split", "train": 0, "val": 1, "test": 2},
    )
    assert dataset.splits["train"].rows.tolist() == [0, 3, 6]


@pytest.mark.parametrize(
    ("entry", "key", "allowed"),
    [
        ({"kind": "vectr", "column": "s.a"}, "data.inputs.a.kind", "vector"),
        ({"kind": "vector", "colum": "s.a"}, "data.inputs.a.colum", "column"),
        ({"kind": "vector"}, "data.inputs.a.column", "<source>.<column>"),
        ({"kind": "vector", "column": "s.ab"}, "data.inputs.a.column", "s.a"),
        ({"kind": "vector", "column": "t.a"}, "data.inputs.a.column", "s"),
        ({"kind": "vector", "column": 3}, "data.inputs.a.column", "<source>.<column>"),
        ({"kind": "vector", "column": []}, "data.inputs.a", "<source>.<column>"),
        ({"kind": "vector", "column": "s.a", "scale": "log"}, "data.inputs.a.scale", "standard"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_allowed(entry: dict[str, Any], key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        data.load(
            {"s": {"a": np.arange(9.0), "split": np.arange(9) % 3}},
            {"a": entry},
            {},
            {"column": "s.split", "train": 0, "val": 1, "test": 2},
        )
    assert caught.value.key == key
    assert allowed in str(caught.value).partition("allowed:")[2]


def test_an_object_of_the_users_own_is_taken_as_it_is() -> None:
    class Doubled:
        kind, prepare_in_model, vocabularies = "vector", False, ()

        def references(self) -> dict[str, str]:
            return {"s.a": "column"}

        def fit(self, name: str, sources: Any, train: np.ndarray) -> None:
            self.name = name

        def raw(self, sources: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
            return {self.name: sources.column("s.a", "mine").values[rows][:, None].astype("float32")}

        def specs(self) -> dict[str, tuple[tuple[int], str]]:
            return {self.name: ((1,), "float32")}

        def prepare(self, tensors: dict[str, Any]) -> Any:
            return tensors[self.name] * 2

    dataset = data.load(
        {"s": {"a": np.arange(9.0), "split": np.arange(9) % 3}},
        {"mine": Doubled()},
        {},
        {"column": "s.split", "train": 0, "val": 1, "test": 2},
    )
    assert dataset.splits["val"].prepared["mine"].ravel().tolist() == [2.0, 8.0, 14.0]


def test_paths_are_asked_for_without_importing_anything_heavy() -> None:
    code = "import sys, pipeline.paths; print({'keras', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        _ = data.lod


def test_every_shipped_file_has_its_licence_in_the_notice() -> None:
    folder = Path(data.__file__).parents[1] / "datasets"
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    files = [path.name for path in folder.iterdir() if path.suffix in (".npz", ".csv")]
    assert len(files) == 4
    assert all(f"{name}\n" in notice for name in files)
