"""Picture files are decoded as people see them, and unreadable ones are named."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from pipeline.data.kinds import INPUTS, build, input_facts
from pipeline.data.kinds.pictures import ORIENTATION
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.small_data import PIXELS, ROWS, all_rows, load_input, objects, prepare, write_pictures

ENTRY = {"kind": "image", "column": "s.a"}


def repeated(name: str) -> np.ndarray:
    return np.array([name] * ROWS, dtype=object)


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    Picture.fromarray(PIXELS[0, ..., 0]).save(tmp_path / "grey.png")
    grey = load_input(ENTRY, [tmp_path], a=repeated("grey.png"))
    np.testing.assert_array_equal(all_rows(grey)[0, ..., 0], PIXELS[0, ..., 0])


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    Picture.new("RGBA", (6, 8), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    assert (all_rows(load_input(ENTRY, [tmp_path], a=repeated("clear.png"))) == 255).all()


@pytest.mark.parametrize("suffix", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("entry", [ENTRY, ENTRY | {"size": [16, 8]}])
def test_the_orientation_of_a_photo_is_applied_in_every_format(
    tmp_path: Path, suffix: str, entry: dict[str, Any]
) -> None:
    turned = Picture.Exif()
    turned[ORIENTATION] = 6
    half = np.repeat(np.array([[0, 255]], dtype=np.uint8), 8, axis=0).repeat(8, axis=1)
    Picture.fromarray(half).save(tmp_path / f"turned.{suffix}", exif=turned, lossless=True)
    upright = load_input(entry, [tmp_path], a=repeated(f"turned.{suffix}"))
    assert upright.inputs["x"].specs()["x"][0][:2] == (16, 8)
    assert np.abs(all_rows(upright)[0, ..., 0].astype(int) - np.rot90(half, -1)).max() < 9


def test_pictures_of_every_mode_have_the_colours_that_people_see(tmp_path: Path) -> None:
    half = np.repeat(np.array([[0, 255]], dtype=np.uint8), 8, axis=0).repeat(8, axis=1)
    grey, alpha = Picture.fromarray(half), Picture.fromarray(255 - half)
    palette = Picture.fromarray(half // 255, "P")
    palette.putpalette([0, 0, 0, 200, 100, 0])
    grey.convert("1").save(tmp_path / "bits.png")
    Picture.merge("LA", [grey, alpha]).save(tmp_path / "alpha.png")
    palette.save(tmp_path / "palette.png", transparency=0)
    Picture.new("CMYK", (16, 8), (0, 255, 255, 0)).save(tmp_path / "print.tiff")
    pixels = {
        name: all_rows(load_input(ENTRY, [tmp_path], a=repeated(name)), "raw")[0]
        for name in ("bits.png", "alpha.png", "palette.png", "print.tiff")
    }
    np.testing.assert_array_equal(pixels["bits.png"][..., 0], half)
    assert pixels["alpha.png"].shape == (8, 16, 1)
    assert (pixels["alpha.png"] == np.where(half == 0, 0, 255)[..., None]).all()
    assert pixels["palette.png"][0, [0, -1]].tolist() == [[255, 255, 255], [200, 100, 0]]
    assert pixels["print.tiff"][0, 0].tolist() == [255, 0, 0]


DEEP = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000


@pytest.mark.parametrize("way", ["png", "tiff", "big-endian", "float", "int32"])
def test_grey_pictures_of_more_bits_keep_their_values(way: str, tmp_path: Path) -> None:
    file = tmp_path / ("a.png" if way == "png" else "a.tiff")
    if way == "big-endian":
        Picture.fromarray(DEEP.astype(">u2")).save(file)
    else:
        Picture.fromarray(DEEP.astype({"float": np.float32, "int32": np.int32}.get(way, np.uint16))).save(
            file
        )
    deep = load_input(ENTRY, [tmp_path], a=repeated(file.name))
    np.testing.assert_array_equal(all_rows(deep, "raw")[0, ..., 0], DEEP)
    assert deep.inputs["x"].specs()["x"] == ((6, 8, 1), "float32")
    scaled = prepare(deep, deep.splits["train"].raw)  # as floats are
    assert abs(np.median(scaled)) < 0.1
    assert 1 < np.abs(scaled).max() < 5
    resized = load_input(ENTRY | {"size": [3, 4], "channels": 3}, [tmp_path], a=repeated(file.name))
    assert all_rows(resized, "raw").shape[1:] == (3, 4, 3)
    assert all_rows(resized, "raw")[0].mean() == pytest.approx(DEEP.mean(), rel=0.02)


def test_pixels_that_are_no_numbers_are_filled(tmp_path: Path) -> None:
    Picture.fromarray(np.where(DEEP == 0, np.nan, DEEP).astype(np.float32)).save(tmp_path / "a.tiff")
    holes = load_input(ENTRY, [tmp_path], a=repeated("a.tiff"))
    assert np.isfinite(prepare(holes, holes.splits["train"].raw)).all()


def test_pictures_of_8_bits_beside_16_get_their_range(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Picture.fromarray(DEEP // 257).convert("L").save(tmp_path / "8.png")
    Picture.fromarray(DEEP // 257 * 257).save(tmp_path / "16.png")
    cells = objects(*["8.png", "16.png", None] * (ROWS // 3))
    rows = all_rows(load_input(ENTRY, [tmp_path], a=cells), "raw")
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0].max() == DEEP.max() // 257 * 257
    assert np.isnan(rows[2]).all()
    assert "4 pictures have 8 bits and 4 have 16" in caplog.text


def test_rows_to_predict_have_the_range_of_the_training_pictures(tmp_path: Path) -> None:
    Picture.fromarray(DEEP).save(tmp_path / "16.png")
    Picture.fromarray((DEEP // 257).astype(np.uint8)).save(tmp_path / "8.png")
    deep, shallow = (load_input(ENTRY, [tmp_path], a=repeated(name)) for name in ("16.png", "8.png"))
    assert input_facts(deep.inputs) == {"x": {"bits": 16}}
    assert input_facts(shallow.inputs) == {}
    sources = Sources({"s": {"a": objects("8.png", "16.png")}}, folders=[tmp_path])
    restored = build(ENTRY, INPUTS, "k")
    restored.restore("x", deep.inputs["x"].specs())
    restored.recall({"bits": 16})
    first, second = restored.raw(sources, np.arange(2))["x"]
    assert np.abs(first - second).max() < 257
    other = build(ENTRY, INPUTS, "k")
    other.restore("x", shallow.inputs["x"].specs())
    with pytest.raises(ConfigError, match=r"another number of bits[\s\S]*found: *16 bits"):
        other.raw(sources, np.arange(2))


def test_pictures_may_be_bytes_in_a_column() -> None:
    stream = io.BytesIO()
    Picture.fromarray(PIXELS[0]).save(stream, "png")
    for cell in (stream.getvalue(), {"bytes": stream.getvalue(), "path": None}):
        pictures = all_rows(load_input(ENTRY, a=objects(*[cell] * ROWS)))
        np.testing.assert_array_equal(pictures[5], PIXELS[0])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "does not exist"),
        (b"text", "truncated or unreadable"),
        ("half", "truncated or unreadable"),
        ("large", "size of the picture differs from that of earlier ones"),
        ("wide", "another number of bits per channel than others"),
    ],
)
def test_a_wrong_picture_is_named_with_its_row(content: Any, problem: str, tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "photos")
    file = tmp_path / "photos" / "4.png"
    whole = file.read_bytes()
    if content is None:
        file.unlink()
    elif content == "large":
        Picture.new("RGB", (9, 9)).save(file)
    elif content == "wide":
        Picture.fromarray(PIXELS[0, ..., 0].astype(np.float32)).save(file, "tiff")
    else:
        file.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(ConfigError, match=problem) as caught:
        load_input(ENTRY | {"root": "photos"}, [tmp_path], a=paths)
    assert "row 4" in caught.value.problem
    assert caught.value.key == "data.inputs.x.column"


def bomb(width: int, height: int) -> bytes:
    """A .png file of a few bytes that declares a large picture."""
    header = struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_000, 10_000), (2**31 - 1, 1)])
def test_a_picture_that_unpacks_to_gigabytes_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"the picture is too large[^$]*row 0[^$]*89 million pixels"):
        load_input(ENTRY, a=objects(*[bomb(*size)] * ROWS))


def test_formats_for_which_pillow_starts_programs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\n")
    with pytest.raises(ConfigError, match="truncated or unreadable"):
        load_input(ENTRY, [tmp_path], a=repeated("a.png"))


@pytest.mark.parametrize("name", ["../secret.png", "link.png"])
def test_pictures_outside_of_the_root_are_refused_with_their_row(tmp_path: Path, name: str) -> None:
    (tmp_path / "photos").mkdir()
    Picture.fromarray(PIXELS[0]).save(tmp_path / "secret.png")
    (tmp_path / "photos" / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ConfigError, match=r"the path leaves the folder[^$]*row 0[^$]*`root: <folder>`"):
        load_input(ENTRY | {"root": "photos"}, [tmp_path], a=repeated(name))
    everywhere = load_input(ENTRY | {"root": "."}, [tmp_path], a=repeated("secret.png"))
    np.testing.assert_array_equal(all_rows(everywhere)[0], PIXELS[0])
