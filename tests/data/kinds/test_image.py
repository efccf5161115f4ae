"""Images from arrays and picture files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from pipeline import data
from pipeline.data.columns import RowError
from pipeline.errors import ConfigError
from tests.data.small_data import (
    NAN,
    NUMBERS,
    PIXELS,
    ROWS,
    all_rows,
    load_input,
    missing_in_training,
    objects,
    prepare,
    read_new,
    refuse_input,
    restore,
    write_pictures,
)

ENTRY = {"kind": "image", "column": "s.a"}
GREY = PIXELS[..., :1]


def test_bytes_are_divided_by_255_and_floats_may_stay_unchanged() -> None:
    dataset = load_input(ENTRY, a=PIXELS)
    assert dataset.inputs["x"].prepare_in_model
    assert dataset.splits["train"].prepared["x"].dtype == np.uint8
    np.testing.assert_allclose(prepare(dataset, {"x": PIXELS}), PIXELS / 255, atol=1e-7)
    floats = PIXELS.astype(np.float32)
    same = load_input(ENTRY | {"scale": "bytes"}, a=floats)
    np.testing.assert_array_equal(prepare(same, {"x": floats}), floats)
    unscaled = load_input(ENTRY | {"scale": "none"}, a=PIXELS)
    np.testing.assert_array_equal(prepare(unscaled, {"x": PIXELS}), floats)


def test_whole_numbers_up_to_255_are_bytes_and_grey_images_get_a_channel() -> None:
    dataset = load_input(ENTRY, a=PIXELS[..., 0].astype(np.int64))
    assert dataset.inputs["x"].specs() == {"x": ((8, 6, 1), "uint8")}
    with pytest.raises(ConfigError, match="row 0"):
        load_input(ENTRY, a=PIXELS.astype(np.int64) + 256)


def test_a_missing_image_is_all_nan_and_the_other_images_keep_their_scale() -> None:
    cells = objects(*PIXELS)
    cells[2] = None
    dataset = load_input(ENTRY, a=cells)
    assert dataset.inputs["x"].specs() == {"x": ((8, 6, 3), "float32")}
    prepared = prepare(dataset, {"x": all_rows(dataset)})
    assert np.isnan(prepared[2]).all()
    np.testing.assert_allclose(np.delete(prepared, 2, 0), np.delete(PIXELS, 2, 0) / 255, atol=1e-7)


def test_single_missing_pixels_become_the_training_mean_of_their_channel() -> None:
    values = PIXELS.astype(np.float32)
    values[0, 0, 0, 1] = NAN
    values[1] = NAN
    prepared = prepare(load_input(ENTRY | {"scale": "bytes"}, a=values), {"x": values})
    np.testing.assert_allclose(prepared[0, 0, 0, 1], np.nanmean(values[:6, ..., 1]), rtol=1e-6)
    assert np.isnan(prepared[1]).all()
    assert not np.isnan(np.delete(prepared, 1, 0)).any()


def test_picture_files_are_read_from_the_root_folder(tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "photos")
    entry = ENTRY | {"root": "photos"}
    np.testing.assert_array_equal(all_rows(load_input(entry, [tmp_path], a=paths)), PIXELS)
    resized = load_input(entry | {"size": [4, 2], "channels": 1}, [tmp_path], a=paths)
    assert resized.inputs["x"].specs() == {"x": ((4, 2, 1), "uint8")}
    paths[3] = ""
    incomplete = all_rows(load_input(entry, [tmp_path], a=paths))
    assert np.isnan(incomplete[3]).all()
    np.testing.assert_array_equal(np.delete(incomplete, 3, 0), np.delete(PIXELS, 3, 0))


@pytest.mark.parametrize(
    ("options", "cells", "option", "problem"),
    [
        ({"size": [4]}, PIXELS, "size", "not a size"),
        ({"channels": 2}, PIXELS, "channels", "not a number of channels"),
        ({"root": "nowhere"}, np.array(["1.png"] * ROWS), "root", "does not exist"),
        ({}, NUMBERS, "column", "does not hold images"),
        ({}, objects(*PIXELS[:-1], PIXELS[0, :3]), "column", "the shape differs from that of other rows"),
        ({}, objects(*[None] * ROWS), "column", "empty in every row"),
        ({}, np.array([""] * ROWS, dtype=object), "column", "empty in every row"),
        ({"scale": "standard"}, missing_in_training(PIXELS), "", "no training row has an image"),
    ],
)
def test_wrong_options_and_values_are_refused(
    options: dict[str, Any], cells: Any, option: str, problem: str
) -> None:
    refuse_input({"kind": "image"} | options, cells, option, problem)


@pytest.fixture(scope="module")
def fitted() -> data.Dataset:
    return load_input(ENTRY, a=GREY)


def test_restored_images_must_have_the_shape_and_type_of_training(fitted: data.Dataset) -> None:
    image = restore(fitted.inputs["x"], ENTRY)
    one_column_missing = np.where(np.arange(6)[:, None] == 2, NAN, np.ones(GREY.shape))
    for values in (np.full(GREY.shape, 0.5), one_column_missing):
        with pytest.raises(RowError, match="the model was trained on bytes"):
            read_new(image, a=values)
    assert np.isnan(read_new(image, a=np.full(GREY.shape, NAN))["x"]).all()
    with pytest.raises(ConfigError, match="differs from that in training"):
        read_new(image, a=GREY[:, :4])
    floats = read_new(image, a=GREY.astype(float))["x"]
    assert floats.dtype == np.uint8
    np.testing.assert_array_equal(floats, GREY)


def test_pictures_may_replace_arrays_and_are_only_resized_if_the_config_has_a_size(
    fitted: data.Dataset, tmp_path: Path
) -> None:
    Picture.fromarray(GREY[0, ..., 0]).save(tmp_path / "right.png")
    Picture.new("L", (9, 9)).save(tmp_path / "large.png")
    paths = objects(str(tmp_path / "right.png"), str(tmp_path / "large.png"))
    entry = ENTRY | {"root": str(tmp_path)}
    image = restore(fitted.inputs["x"], entry)
    np.testing.assert_array_equal(read_new(image, [0], a=paths)["x"][0], GREY[0])
    with pytest.raises(RowError, match="differs from that in training"):
        read_new(image, a=paths)
    resized = restore(fitted.inputs["x"], entry | {"size": [8, 6]})
    assert read_new(resized, a=paths)["x"].shape == (2, 8, 6, 1)


def test_floats_are_scaled_so_that_wild_pixels_upset_nothing() -> None:
    floats = np.random.default_rng(0).normal(3000, 20, PIXELS.shape)
    clean = prepare(load_input(ENTRY, a=floats), {"x": floats.astype(np.float32)})
    assert abs(clean.mean()) < 0.1
    assert abs(clean.std() - 1) < 0.1
    wild = floats.copy()
    wild[2, 3, 4, 0], wild[7, 0, 0, 1] = 1e30, -1e9
    dataset = load_input(ENTRY, a=wild)
    found = prepare(dataset, {"x": wild.astype(np.float32)})
    ordinary = np.abs(wild) < 1e6
    np.testing.assert_allclose(found[ordinary], clean[ordinary], atol=0.05)
    assert found[2, 3, 4, 0] == pytest.approx(5)
    unchanged = load_input(ENTRY | {"scale": "bytes"}, a=floats)
    np.testing.assert_allclose(prepare(unchanged, {"x": floats.astype(np.float32)}), floats, rtol=1e-6)
