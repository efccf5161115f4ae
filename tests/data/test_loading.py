"""Loading: only what is needed is read, sources are joined, and streamed data is the same data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import data
from pipeline.data.files import memory
from pipeline.data.files.lazy import LazyRows
from pipeline.errors import ConfigError
from tests.data.small_data import COLUMN_SPLIT, SPLIT
from tests.data.streams import INPUTS, SOURCES, load_files
from tests.shipped import shipped

NINE_ROWS = {"a": np.arange(9.0), "b": np.arange(9), "split": np.arange(9) % 3}


def test_the_split_is_the_same_for_all_choices_of_inputs_and_targets() -> None:
    whole = data.load(**shipped("penguins"))
    part = data.load(**shipped("penguins"), only_inputs=[], only_targets=["body_mass"])
    assert (list(part.inputs), list(part.targets)) == ([], ["body_mass"])
    assert part.fingerprint == whole.fingerprint
    assert part.splits["test"].rows.tolist() == whole.splits["test"].rows.tolist()
    without_targets = data.load(**shipped("penguins"), only_inputs=["traits"], only_targets=[])
    assert list(without_targets.inputs) == ["traits"]


def test_a_table_arrays_and_pictures_are_joined_on_a_key_with_all_their_gaps(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    lines = ["id,photo,colour,size,kind,weight"]
    for number in range(40):
        picture = np.full((6, 6, 3), number * 6, dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
        photo = "" if number == 3 else f"{number}.png"
        colour, size = ["red", "", "blue"][number % 3], "" if number % 5 == 0 else number
        kind, weight = ["", "a", "b"][number % 3], number if number % 2 else ""
        lines.append(f"k{number},{photo},{colour},{size},{kind},{weight}")
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


def test_only_named_columns_of_further_sources_are_read() -> None:
    class Guarded(dict):
        def __getitem__(self, name: str) -> np.ndarray:
            assert name != "secret"
            return super().__getitem__(name)

    dataset = data.load(
        {"s": NINE_ROWS, "t": Guarded(a=np.arange(9.0), secret=np.zeros(9))},
        {"a": {"kind": "vector", "column": "t.a"}},
        {"b": {"kind": "number", "column": "s.b"}},
        COLUMN_SPLIT,
    )
    assert dataset.splits["train"].rows.tolist() == [0, 3, 6]


@pytest.mark.parametrize(("column", "allowed"), [("s.ab", "s.a"), ("t.a", "s.…")], ids=["column", "source"])
def test_an_unknown_column_is_refused_with_the_key_that_names_it(column: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        data.load({"s": NINE_ROWS}, {"a": {"kind": "vector", "column": column}}, {}, COLUMN_SPLIT)
    assert caught.value.key == "data.inputs.a.column"
    assert allowed in str(caught.value).partition("allowed:")[2]


def test_an_input_may_be_an_object_of_ones_own_class() -> None:
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

    dataset = data.load({"s": NINE_ROWS}, {"mine": Doubled()}, {}, COLUMN_SPLIT)
    assert dataset.splits["val"].prepared["mine"].ravel().tolist() == [2.0, 8.0, 14.0]


def load_weighted(weights: np.ndarray) -> data.Dataset:
    target = {"kind": "category", "column": "s.b", "sample_weight": "s.w"}
    sources = {"s": {"b": np.arange(9) // 3, "split": np.arange(9) % 3, "w": weights}}
    return data.load(sources, {}, {"b": target}, COLUMN_SPLIT)


def test_sample_weights_belong_to_their_target() -> None:
    dataset = load_weighted(np.arange(9.0))
    for split in dataset.splits.values():
        np.testing.assert_array_equal(split.weights["b"], split.rows)
        assert split.weights["b"].dtype == np.float32


@pytest.mark.parametrize("weight", [-1.0, np.nan])
def test_a_sample_weight_must_be_a_number_of_at_least_0(weight: float) -> None:
    with pytest.raises(ConfigError, match=r"not a sample weight.*row 6") as caught:
        load_weighted(np.where(np.arange(9) == 6, weight, 2.0))
    assert caught.value.key == "data.targets.b.sample_weight"


@pytest.mark.usefixtures("small_blocks")
def test_streamed_data_is_the_same_as_in_memory(stream_folder: Path) -> None:
    streamed, loaded = (load_files(stream_folder, in_memory=in_memory) for in_memory in (False, True))
    assert streamed.streamed
    assert not loaded.streamed
    assert streamed.fingerprint == loaded.fingerprint
    for name, split in streamed.splits.items():
        expected = loaded.splits[name]
        np.testing.assert_array_equal(split.rows, expected.rows)
        for key, values in expected.raw.items():
            assert isinstance(split.raw[key], LazyRows)
            assert split.raw[key].shape == values.shape
            np.testing.assert_array_equal(split.raw[key][:], values)
        for key, values in expected.prepared.items():
            rows = split.prepared[key]
            assert (rows.shape, rows.dtype) == (values.shape, values.dtype)
            np.testing.assert_allclose(rows[:], values, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(rows[np.array([3, 0])], values[[3, 0]], rtol=1e-5, atol=1e-6)
        for key, values in expected.labels.items():
            np.testing.assert_array_equal(split.labels[key], values)
    train = streamed.splits["train"]
    row_groups = train.prepared["vector"].row_groups
    np.testing.assert_array_equal(row_groups - row_groups.min(), train.rows // 7 - train.rows[0] // 7)
    assert train.prepared["bytes"].row_groups is None
    assert streamed.missing_inputs("train") == loaded.missing_inputs("train")


@pytest.mark.usefixtures("small_blocks")
def test_joined_sources_are_streamed_in_the_order_of_the_keys(stream_folder: Path) -> None:
    changes = {
        "sources": {"more": "more.csv", "table": "table.parquet"},
        "inputs": {
            "words": INPUTS["words"],
            "extra": {"kind": "vector", "column": "more.extra", "scale": "none"},
        },
        "join": "key",
    }
    streamed, loaded = (
        load_files(stream_folder, in_memory=in_memory, **changes) for in_memory in (False, True)
    )
    for name, split in streamed.splits.items():
        for key, values in loaded.splits[name].raw.items():
            np.testing.assert_array_equal(split.raw[key][:], values)


def test_files_that_take_a_large_part_of_the_memory_are_streamed(
    stream_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not load_files(stream_folder, in_memory="auto").streamed
    size = sum((stream_folder / name).stat().st_size for name in SOURCES.values())
    monkeypatch.setattr(memory, "available", lambda: size / memory.FRACTION * 0.99)
    assert load_files(stream_folder, in_memory="auto").streamed
    assert not load_files(stream_folder, in_memory=True).streamed


def test_picture_files_count_with_the_size_of_their_pixels(
    stream_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (stream_folder / "table.parquet").stat().st_size
    monkeypatch.setattr(memory, "available", lambda: (size + 10_000) / memory.FRACTION)
    for entry, streamed in ((INPUTS["photos"], False), (INPUTS["photos"] | {"size": [300, 300]}, True)):
        changes = {"sources": {"table": "table.parquet"}, "inputs": {"photos": entry}}
        assert load_files(stream_folder, in_memory="auto", **changes).streamed is streamed


def test_targets_without_anything_to_learn_are_said(caplog: pytest.LogCaptureFixture) -> None:
    columns = {
        "x": np.arange(12.0),
        "same": np.full(12, 5.0),
        "gaps": np.array(["a", ""] * 6, dtype=object),
        "some": np.arange(12) % 2,
        "none": np.zeros(12, int),
    }
    targets = {
        "one": {"kind": "number", "column": "s.same"},
        "word": {"kind": "category", "column": "s.gaps"},
        "flags": {"kind": "labels", "column": ["s.some", "s.none"]},
        "right": {"kind": "number", "column": "s.x"},
    }
    data.load(
        {"s": {**columns, "split": SPLIT}},
        {"x": {"kind": "vector", "column": ["s.x"]}},
        targets,
        COLUMN_SPLIT,
    )
    said = [message for message in caplog.messages if "are the same" in message]
    assert said == [
        "one: all training labels are the same, so there is nothing to learn",
        "word: all training labels are the same, so there is nothing to learn",
        "flags: all training labels of these columns are the same: none",
    ]
