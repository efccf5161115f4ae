"""Inputs: what they learn from training rows, what the trained model gets, and that the graph outlives us."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image as Picture

from pipeline import data
from pipeline.data.kinds.prepare import input_tensors, preparation, prepared
from pipeline.errors import ConfigError

ROWS = 12
SPLIT = np.repeat([0, 1, 2], [6, 3, 3])
NAN = np.nan


def loaded(entry: dict[str, Any], folders: Any = (".",), **columns: Any) -> Any:
    """A data set of one input `x`, 6 training, 3 validation and 3 test rows."""
    return data.load(
        {"s": {**columns, "split": SPLIT}},
        {"x": entry},
        {},
        {"column": "s.split", "train": 0, "val": 1, "test": 2},
        folders=folders,
    )


def objects(*cells: Any) -> np.ndarray:
    result = np.empty(len(cells), dtype=object)
    result[:] = cells
    return result


def everything(dataset: Any, which: str = "prepared", name: str = "x") -> np.ndarray:
    return np.concatenate([getattr(split, which)[name] for split in dataset.splits.values()])


def run(dataset: Any, raw: dict[str, Any], name: str = "x") -> np.ndarray:
    return prepared(preparation(dataset.inputs[name]), raw)


RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (ROWS, 8, 6, 3), dtype=np.uint8)
SERIES = RANDOM.normal(3, 2, (ROWS, 5, 2)).astype(np.float32)
NUMBERS = RANDOM.normal(100, 5, (ROWS, 3))
WORDS = np.array(
    ["red", "blue", "", "red", "green", "blue", "red", "pink", "", "blue", "red", "pink"], dtype=object
)
CODES = np.array([7, 3, NAN, 7, 7, 2.5, 3, 8, NAN, 7, 7, 3])
TEXTS = np.array(["One, two two!", "", "two three", "one", "Two", "three two one"] * 2, dtype=object)
HOLES = np.where(np.arange(ROWS) % 4 == 1, NAN, NUMBERS[:, 0])


def late(values: np.ndarray) -> np.ndarray:
    """Missing in the training rows, there in the others."""
    result = values.astype(np.float32)
    result[:6] = NAN
    return result


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "image of bytes": ({"kind": "image", "column": "s.a"}, {"a": PIXELS}),
    "image of floats": ({"kind": "image", "column": "s.a"}, {"a": PIXELS.astype(np.float64) / 9}),
    "image, standardised": ({"kind": "image", "column": "s.a", "scale": "standard"}, {"a": PIXELS}),
    "image, resized": ({"kind": "image", "column": "s.a", "size": [4, 4]}, {"a": PIXELS}),
    "image with gaps": (
        {"kind": "image", "column": "s.a"},
        {"a": np.where(PIXELS > 250, NAN, PIXELS).astype(np.float32)},
    ),
    "series": (
        {"kind": "series", "column": "s.a", "length": "s.n"},
        {"a": SERIES, "n": np.arange(ROWS) % 6},
    ),
    "series, unscaled": ({"kind": "series", "column": "s.a", "scale": "none"}, {"a": SERIES}),
    "vector": ({"kind": "vector", "column": "s.a"}, {"a": NUMBERS}),
    "vector, unscaled": ({"kind": "vector", "column": "s.a", "scale": "none"}, {"a": NUMBERS}),
    "vector with gaps": ({"kind": "vector", "column": ["s.a", "s.b"]}, {"a": HOLES, "b": NUMBERS[:, 1]}),
    "table": (
        {"kind": "table", "numeric": ["s.a", "s.b"], "categorical": ["s.word", "s.code"]},
        {"a": HOLES, "b": NUMBERS[:, 1], "word": WORDS, "code": CODES},
    ),
    "table of words": ({"kind": "table", "categorical": ["s.word"]}, {"word": WORDS}),
    "text": ({"kind": "text", "column": "s.a"}, {"a": TEXTS}),
    "text by character": ({"kind": "text", "column": "s.a", "split": "character"}, {"a": TEXTS}),
}

LOAD_ALONE = """
import sys, numpy as np, keras
model = keras.saving.load_model(sys.argv[1])
arrays = dict(np.load(sys.argv[2]))
tensor = keras.ops.convert_to_tensor
inputs = {name: tensor(arrays[name], dtype=one.dtype) for name, one in model.input.items()}
outputs = model(inputs)
np.savez(sys.argv[3], **{name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()})
assert not any(name.split(".")[0] == "pipeline" for name in sys.modules)
"""


def test_the_graph_of_every_kind_is_saved_and_loaded_without_us_and_gives_the_same(tmp_path: Path) -> None:
    tensors, outputs, arrays, expected = {}, {}, {}, {}
    for number, (label, (entry, columns)) in enumerate(KINDS.items()):
        name = f"x{number}"
        dataset = data.load(
            {"s": {**columns, "split": SPLIT}},
            {name: entry},
            {},
            {"column": "s.split", "train": 0, "val": 1, "test": 2},
        )
        one = dataset.inputs[name]
        here = input_tensors(one.specs())
        tensors |= here
        outputs[name] = one.prepare(here)
        raw = {key: everything(dataset, "raw", key) for key in one.specs()}
        arrays |= {
            key: values.astype(str) if values.dtype == object else values for key, values in raw.items()
        }
        expected[name] = prepared(preparation(one), raw)
        assert outputs[name].shape[0] is None, label
    keras.Model(tensors, outputs).save(tmp_path / "model.keras")
    np.savez(tmp_path / "raw.npz", **arrays)
    files = [str(tmp_path / file) for file in ("model.keras", "raw.npz", "out.npz")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, *files], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(tmp_path / "out.npz") as found:
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize("label", KINDS)
def test_raw_arrays_are_as_the_specs_say(label: str) -> None:
    entry, columns = KINDS[label]
    dataset = loaded(entry, **columns)
    for name, (shape, dtype) in dataset.inputs["x"].specs().items():
        values = dataset.splits["val"].raw[name]
        assert str(values.dtype) == {"string": "object"}.get(dtype, dtype)
        assert all(size in (None, found) for size, found in zip(shape, values.shape[1:], strict=True))


@pytest.mark.parametrize("label", KINDS)
def test_statistics_come_from_training_rows_alone(label: str) -> None:
    entry, columns = KINDS[label]
    changed = {}
    for name, values in columns.items():
        changed[name] = values.copy()
        # Rows 6 and on validate and test: other values there, none of them in the training rows.
        changed[name][6:] = "unheard" if values.dtype == object else (0 if name == "n" else values[6:] // 2)
    first, second = loaded(entry, **columns), loaded(entry, **changed)
    raw = first.splits["train"].raw
    np.testing.assert_array_equal(run(first, raw), run(second, raw))
    assert first.inputs["x"].vocabularies == second.inputs["x"].vocabularies


def test_prepared_arrays_do_not_depend_on_the_batches_they_are_made_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry, columns = KINDS["table"]
    whole = everything(loaded(entry, **columns))
    monkeypatch.setattr("pipeline.data.kinds.prepare.BATCH", 2)
    np.testing.assert_array_equal(everything(loaded(entry, **columns)), whole)


def test_preparation_is_float32_under_mixed_precision() -> None:
    entry, columns = KINDS["vector with gaps"]
    expected = everything(loaded(entry, **columns))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = everything(loaded(entry, **columns))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_bytes_become_zero_to_one_and_floats_stay() -> None:
    entry = {"kind": "image", "column": "s.a"}
    dataset = loaded(entry, a=PIXELS)
    assert dataset.inputs["x"].prepare_in_model
    assert dataset.splits["train"].prepared["x"].dtype == np.uint8
    np.testing.assert_allclose(run(dataset, {"x": PIXELS}), PIXELS / 255, atol=1e-7)
    floats = PIXELS.astype(np.float32)
    np.testing.assert_array_equal(run(loaded(entry, a=floats), {"x": floats}), floats)
    np.testing.assert_array_equal(run(loaded(entry | {"scale": "none"}, a=PIXELS), {"x": PIXELS}), floats)


def test_whole_numbers_up_to_255_are_bytes_and_grey_images_get_a_channel() -> None:
    dataset = loaded({"kind": "image", "column": "s.a"}, a=PIXELS[..., 0].astype(np.int64))
    assert dataset.inputs["x"].specs() == {"x": ((8, 6, 1), "uint8")}
    with pytest.raises(ConfigError, match="row 0"):
        loaded({"kind": "image", "column": "s.a"}, a=PIXELS.astype(np.int64) + 256)


def test_a_missing_image_is_all_nan_and_the_others_keep_their_scale() -> None:
    cells = objects(*PIXELS)
    cells[2] = None
    dataset = loaded({"kind": "image", "column": "s.a"}, a=cells)
    assert dataset.inputs["x"].specs() == {"x": ((8, 6, 3), "float32")}
    found = run(dataset, {"x": everything(dataset)})
    assert np.isnan(found[2]).all()
    np.testing.assert_allclose(np.delete(found, 2, 0), np.delete(PIXELS, 2, 0) / 255, atol=1e-7)


def test_single_missing_pixels_become_the_channels_training_mean() -> None:
    values = PIXELS.astype(np.float32)
    values[0, 0, 0, 1] = NAN
    values[1] = NAN
    dataset = loaded({"kind": "image", "column": "s.a"}, a=values)
    found = run(dataset, {"x": values})
    np.testing.assert_allclose(found[0, 0, 0, 1], np.nanmean(values[:6, ..., 1]), rtol=1e-6)
    assert np.isnan(found[1]).all()
    assert not np.isnan(np.delete(found, 1, 0)).any()


def write_pictures(folder: Path) -> np.ndarray:
    folder.mkdir()
    for number in range(ROWS):
        Picture.fromarray(PIXELS[number]).save(folder / f"{number}.png")
    return np.array([f"{number}.png" for number in range(ROWS)], dtype=object)


def test_picture_files_are_read_below_their_root(tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "photos")
    entry = {"kind": "image", "column": "s.a", "root": "photos"}
    np.testing.assert_array_equal(everything(loaded(entry, [tmp_path], a=paths)), PIXELS)
    resized = loaded(entry | {"size": [4, 2], "channels": 1}, [tmp_path], a=paths)
    assert resized.inputs["x"].specs() == {"x": ((4, 2, 1), "uint8")}
    paths[3] = ""
    missing = everything(loaded(entry, [tmp_path], a=paths))
    assert np.isnan(missing[3]).all()
    np.testing.assert_array_equal(np.delete(missing, 3, 0), np.delete(PIXELS, 3, 0))


def test_grey_transparent_and_turned_pictures_are_read_as_people_see_them(tmp_path: Path) -> None:
    Picture.fromarray(PIXELS[0, ..., 0]).save(tmp_path / "grey.png")
    cells = np.array(["grey.png"] * ROWS, dtype=object)
    grey = loaded({"kind": "image", "column": "s.a"}, [tmp_path], a=cells)
    np.testing.assert_array_equal(everything(grey)[0, ..., 0], PIXELS[0, ..., 0])
    Picture.new("RGBA", (6, 8), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    clear = loaded({"kind": "image", "column": "s.a"}, [tmp_path], a=np.array(["clear.png"] * ROWS))
    assert (everything(clear) == 255).all()
    turned = Picture.Exif()
    turned[0x0112] = 6
    half = np.repeat(np.array([[0, 255]], dtype=np.uint8), 8, axis=0).repeat(8, axis=1)
    Picture.fromarray(half).save(tmp_path / "turned.jpeg", exif=turned)
    upright = loaded({"kind": "image", "column": "s.a"}, [tmp_path], a=np.array(["turned.jpeg"] * ROWS))
    assert upright.inputs["x"].specs() == {"x": ((16, 8, 1), "uint8")}
    assert np.abs(everything(upright)[0, ..., 0].astype(int) - np.rot90(half, -1)).max() < 9


def test_pictures_held_as_bytes_are_read() -> None:
    stream = io.BytesIO()
    Picture.fromarray(PIXELS[0]).save(stream, "png")
    for cell in (stream.getvalue(), {"bytes": stream.getvalue(), "path": None}):
        found = everything(loaded({"kind": "image", "column": "s.a"}, a=objects(*[cell] * ROWS)))
        np.testing.assert_array_equal(found[5], PIXELS[0])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such picture file"),
        (b"text", "truncated or unreadable"),
        ("half", "truncated or unreadable"),
        ("large", "another size"),
        ("deep", "more than 8 bits"),
    ],
)
def test_a_bad_picture_is_named_with_its_row(content: Any, problem: str, tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "photos")
    file = tmp_path / "photos" / "4.png"
    whole = file.read_bytes()
    if content is None:
        file.unlink()
    elif content == "large":
        Picture.new("RGB", (9, 9)).save(file)
    elif content == "deep":
        Picture.fromarray(PIXELS[0, ..., 0].astype(np.uint16)).save(file)
    else:
        file.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(ConfigError, match=problem) as caught:
        loaded({"kind": "image", "column": "s.a", "root": "photos"}, [tmp_path], a=paths)
    assert "row 4" in caught.value.problem
    assert caught.value.key == "data.inputs.x.column"


@pytest.mark.parametrize(
    ("entry", "cells", "key", "problem"),
    [
        ({"kind": "image", "size": [4]}, PIXELS, "size", "not a size"),
        ({"kind": "image", "channels": 2}, PIXELS, "channels", "not a number of channels"),
        ({"kind": "image", "root": "nowhere"}, np.array(["1.png"] * ROWS), "root", "no such file or folder"),
        ({"kind": "image"}, NUMBERS, "column", "holds no images"),
        (
            {"kind": "image"},
            objects(*PIXELS[:-1], PIXELS[0, :3]),
            "column",
            "another shape than the other rows",
        ),
        ({"kind": "image"}, objects(*[None] * ROWS), "column", "empty in every row"),
        ({"kind": "image"}, np.array([""] * ROWS, dtype=object), "column", "empty in every row"),
        ({"kind": "image", "scale": "standard"}, late(PIXELS), "", "no training row has an image"),
        ({"kind": "series"}, late(SERIES), "", "no training row has a value in this channel"),
        ({"kind": "series"}, NUMBERS[:, 0], "column", "holds no series"),
        ({"kind": "series"}, objects(*SERIES[:-1], SERIES[0, :, :1]), "column", "another number of channels"),
        ({"kind": "series"}, objects(*SERIES[:-1], [["a", "b"]]), "column", "not a list of numbers"),
        ({"kind": "series"}, objects(*SERIES[:-1], SERIES[0] * np.inf), "column", "infinite"),
        ({"kind": "series", "length": "s.n"}, SERIES, "length", "not a length of this series"),
        ({"kind": "vector"}, PIXELS, "column", "no row of numbers"),
        ({"kind": "vector"}, objects(*NUMBERS[:-1], NUMBERS[0, :2]), "column", "another shape"),
        (
            {"kind": "vector"},
            np.where(np.arange(ROWS) < 6, NAN, 1.0),
            "column",
            "no training row has a value",
        ),
        ({"kind": "text"}, NUMBERS, "column", "more than one value a row"),
        ({"kind": "text"}, objects(*[["a"]] * ROWS), "column", "a list where one value is due"),
        ({"kind": "text"}, np.array([""] * ROWS, dtype=object), "column", "no training row has a text"),
        ({"kind": "text"}, np.array(["!"] * ROWS, dtype=object), "column", "has a word"),
        ({"kind": "text", "split": "word"}, TEXTS, "split", "no such way"),
        ({"kind": "text", "tokens": 2}, TEXTS, "tokens", "too small"),
    ],
)
def test_values_of_another_kind_are_named(entry: dict[str, Any], cells: Any, key: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        loaded(entry | {"column": "s.a"}, a=cells, n=np.arange(ROWS))
    assert caught.value.key == f"data.inputs.x.{key}".rstrip(".")


def test_series_are_standardised_by_training_steps_and_single_cells_filled() -> None:
    values = SERIES.copy()
    values[0, 1, 0] = NAN
    values[2] = NAN
    length = np.array([5, 3] * 6)
    dataset = loaded({"kind": "series", "column": "s.a", "length": "s.n"}, a=values, n=length)
    found = everything(dataset)
    real = np.arange(5)[None, :] < length[:, None]
    real[2] = False
    assert (np.isnan(found) == ~real[..., None]).all()
    assert found[0, 1, 0] == 0
    steps = np.where(real[:6, :, None], values[:6], NAN).reshape(-1, 2)
    expected = (values[7, :3] - np.nanmean(steps, axis=0)) / np.nanstd(steps, axis=0)
    np.testing.assert_allclose(found[7, :3], expected, rtol=1e-5)


def test_a_series_prepared_alone_equals_itself_in_a_longer_batch() -> None:
    dataset = loaded(*KINDS["series"][:1], **KINDS["series"][1])
    raw = everything(dataset, "raw")
    np.testing.assert_array_equal(run(dataset, {"x": raw[3:4, :3]}), run(dataset, {"x": raw})[3:4, :3])


def test_ragged_lists_of_one_or_more_channels_are_padded_with_nan() -> None:
    lists = objects(*[list(np.arange(float(n))) for n in range(1, ROWS)], None)
    dataset = loaded({"kind": "series", "column": "s.a"}, a=lists)
    assert dataset.inputs["x"].specs() == {"x": ((None, 1), "float32")}
    assert (~np.isnan(everything(dataset))).sum(axis=(1, 2)).tolist() == [*range(1, ROWS), 0]
    pairs = objects(*[SERIES[n, : n % 4 + 1] for n in range(ROWS)])
    assert everything(loaded({"kind": "series", "column": "s.a"}, a=pairs)).shape == (ROWS, 4, 2)


def test_vectors_fill_gaps_with_the_training_median_and_flag_columns_with_gaps_in_training() -> None:
    values = NUMBERS.copy()
    values[1, 0] = values[7, 0] = values[8, 1] = NAN
    found = everything(loaded({"kind": "vector", "column": "s.a"}, a=values))
    assert found.shape == (ROWS, 4)
    np.testing.assert_array_equal(found[:, 3], np.isnan(values[:, 0]))
    for row, column in ((1, 0), (7, 0), (8, 1)):
        train = values[:6, column]
        expected = (np.nanmedian(train) - np.nanmean(train)) / np.nanstd(train)
        np.testing.assert_allclose(found[row, column], expected, rtol=1e-4)


def test_a_constant_column_stays_finite() -> None:
    found = everything(loaded({"kind": "vector", "column": "s.a"}, a=np.full(ROWS, 0.1)))
    assert (np.abs(found) < 1e-6).all()


def test_lists_of_numbers_are_vectors_even_where_a_whole_split_lacks_them() -> None:
    cells = objects(*NUMBERS.tolist())
    cells[6:9] = None
    dataset = loaded({"kind": "vector", "column": "s.a"}, a=cells)
    assert np.isnan(dataset.splits["val"].raw["x"]).all()
    assert dataset.splits["val"].raw["x"].shape == (3, 3)


def test_tables_code_unseen_as_0_missing_as_1_and_training_categories_sorted_from_2() -> None:
    entry, columns = KINDS["table"]
    dataset = loaded(entry, **columns)
    found = everything(dataset)
    assert dataset.inputs["x"].vocabularies == (5, 5)
    assert found[:, 0].tolist() == [4, 2, 1, 4, 3, 2, 4, 0, 1, 2, 4, 0]
    # The training codes are 2.5, 3 and 7.
    assert found[:, 1].tolist() == [4, 3, 1, 4, 4, 2, 3, 0, 1, 4, 4, 3]
    assert found.shape == (ROWS, 5)
    np.testing.assert_array_equal(found[:, 4], np.isnan(HOLES))


def test_a_category_that_no_training_row_has_is_missing_or_unseen() -> None:
    cells = np.where(np.arange(ROWS) < 8, NAN, 1.0)
    dataset = loaded({"kind": "table", "categorical": ["s.a"]}, a=cells)
    assert everything(dataset).ravel().tolist() == [1] * 8 + [0] * 4
    assert dataset.inputs["x"].vocabularies == (2,)


def test_unscaled_vectors_keep_their_numbers() -> None:
    found = everything(loaded({"kind": "vector", "column": "s.a", "scale": "none"}, a=NUMBERS))
    np.testing.assert_allclose(found, NUMBERS, rtol=1e-6)


def test_large_whole_numbers_are_told_apart() -> None:
    codes = np.array([2**40, 2**40 + 1] * 6)
    found = everything(loaded({"kind": "table", "categorical": ["s.a"]}, a=codes))
    assert found.ravel().tolist() == [2, 3] * 6


def test_a_table_refuses_arrays_columns_of_the_same_name_and_none_at_all() -> None:
    with pytest.raises(ConfigError, match="same name"):
        loaded({"kind": "table", "categorical": ["s.a"], "numeric": ["s.a"]}, a=CODES)
    for option in ("numeric", "categorical"):
        with pytest.raises(ConfigError, match="is no column"):
            loaded({"kind": "table", option: ["s.a"]}, a=NUMBERS)
    with pytest.raises(ConfigError, match="names no column"):
        loaded({"kind": "table"}, a=CODES)


def test_columns_may_be_named_as_people_name_them() -> None:
    columns = {"km/h": NUMBERS[:, 0], "bill length (mm)": CODES, "größe": NUMBERS[:, 1]}
    entry = {"kind": "table", "numeric": ["s.km/h", "s.größe"], "categorical": ["s.bill length (mm)"]}
    assert list(loaded(entry, **columns).inputs["x"].specs()) == ["x.bill length (mm)", "x.km_h", "x.größe"]
    with pytest.raises(ConfigError, match="same name"):
        loaded({"kind": "table", "numeric": ["s.a/b", "s.a_b"]}, **{"a/b": CODES, "a_b": CODES})


def test_texts_are_lower_cased_words_0_is_padding_and_1_unseen() -> None:
    dataset = loaded({"kind": "text", "column": "s.a"}, a=TEXTS)
    found = everything(dataset)
    assert found.dtype == np.int32
    assert found.shape == (ROWS, 3)
    assert dataset.inputs["x"].vocabularies == (5,)
    assert found[1].tolist() == [0, 0, 0]
    assert found[0].tolist()[1:] == [2, 2]  # the most frequent word comes first
    assert run(dataset, {"x": objects("TWO, strange")})[0].tolist() == [2, 1, 0]
    assert (
        everything(loaded({"kind": "text", "column": "s.a", "longest": 1, "tokens": 3}, a=TEXTS)).max() == 2
    )
