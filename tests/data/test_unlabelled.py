"""Rows to predict: every format in chunks, every row in its place, and only the rows at fault left out."""

import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import data
from pipeline.data.files import delimited_chunks
from pipeline.data.files.chunks import open_chunks
from pipeline.data.kinds import INPUTS, build
from pipeline.data.unlabelled import RowReader
from pipeline.errors import ConfigError

ROWS = 40
FRAME = pd.DataFrame(
    {
        "id": [f"p{row}" for row in range(ROWS)],
        "amount": np.where(np.arange(ROWS) % 7 == 3, np.nan, np.arange(ROWS) / 4),
        "colour": np.array(["red", "blue", None], dtype=object)[np.arange(ROWS) % 3],
        "y": np.arange(ROWS) % 2,
    }
)
IMAGES = np.random.default_rng(0).integers(0, 255, (ROWS, 4, 4, 1)).astype("uint8")
ENTRIES = {
    "facts": {"kind": "table", "numeric": ["t.amount"], "categorical": ["t.colour"]},
    "image": {"kind": "image", "column": "pictures.image"},
}


@pytest.fixture(scope="module")
def specs():
    sources = {"t": FRAME, "pictures": {"image": IMAGES}}
    targets = {"y": {"kind": "category", "column": "t.y"}}
    dataset = data.load(sources, ENTRIES, targets, {"fractions": [0.5, 0.25, 0.25]})
    return {name: one.specs() for name, one in dataset.inputs.items()}


def reader(specs, given, *names, **options):
    inputs = {name: build(ENTRIES[name], INPUTS, name) for name in names or ENTRIES}
    for name, one in inputs.items():
        one.restore(name, specs[name])
    return RowReader(given, inputs, specs, **options)


def whole(specs, given, *names, rows=7, **options):
    """All rows of a reader, and the rows that it rejected with their columns."""
    found = list(reader(specs, given, *names, **options).read(rows))
    keys = found[0].arrays.keys()
    rejected = {one.first + row: why for one in found for row, why in one.rejected.items()}
    return {key: np.concatenate([one.arrays[key] for one in found if one.arrays]) for key in keys}, rejected


def write(folder, name):
    path = folder / name
    if name.endswith(".parquet"):
        FRAME.to_parquet(path)
    elif name.endswith(".npz"):
        text = FRAME.colour.fillna("").to_numpy(dtype=str)
        np.savez_compressed(path, amount=FRAME.amount, colour=text, id=FRAME.id.to_numpy(dtype=str))
    else:
        FRAME.to_csv(path, index=False, sep="\t" if ".tsv" in name else ",")
    return str(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz", "a.parquet", "a.npz"])
@pytest.mark.parametrize("rows", [1, 7, 100])
def test_every_format_gives_the_same_rows_in_chunks_of_any_size(specs, tmp_path, name, rows):
    arrays, rejected = whole(specs, write(tmp_path, name), "facts", rows=rows)
    assert not rejected
    np.testing.assert_array_equal(arrays["facts.amount"], FRAME.amount.astype("float32"))
    assert arrays["facts.colour"].tolist() == FRAME.colour.fillna("").tolist()


def test_chunks_are_numbered_on_and_no_larger_than_asked_for(specs, tmp_path):
    found = list(reader(specs, write(tmp_path, "a.csv"), "facts").read(16))
    assert [(one.first, one.rows) for one in found] == [(0, 16), (16, 16), (32, 8)]
    assert found[-1].share == 1


def test_files_of_a_list_or_a_glob_follow_each_other(specs, tmp_path):
    paths = [write(tmp_path, "a.csv"), write(tmp_path, "b.parquet")]
    for given in (paths, str(tmp_path / "*")):
        found = list(reader(specs, given, "facts").read(100))
        assert [one.first for one in found] == [0, ROWS]
        assert [one.share for one in found] == [0.5, 1.0]


def test_a_key_names_the_rows(specs, tmp_path):
    one = next(reader(specs, write(tmp_path, "a.npz"), "facts", key="id").read(3))
    assert one.keys.tolist() == ["p0", "p1", "p2"]
    with pytest.raises(ConfigError, match=r"no such column \(asked for as key\)(.|\n)*nearest: id"):
        reader(specs, write(tmp_path, "a.csv"), "facts", key="idd")


def test_sources_of_their_own_are_joined_on_the_key_of_training(specs, tmp_path):
    order = np.random.default_rng(1).permutation(ROWS)
    np.savez(tmp_path / "pictures.npz", image=IMAGES[order], id=FRAME.id.to_numpy(dtype=str)[order])
    given = {"t": write(tmp_path, "t.csv"), "pictures": str(tmp_path / "pictures.npz")}
    arrays, _ = whole(specs, given, join="id")
    np.testing.assert_array_equal(arrays["image"], IMAGES)
    assert next(reader(specs, given, join="id").read(2)).keys.tolist() == ["p0", "p1"]
    with pytest.raises(ConfigError, match=r"column t\.amount needs a file"):
        reader(specs, {"pictures": given["pictures"]}, join="id")


def test_the_columns_of_several_sources_may_stand_in_one_file(specs, tmp_path):
    np.savez(tmp_path / "all.npz", image=IMAGES, amount=FRAME.amount, colour=np.full(ROWS, "red"))
    arrays, _ = whole(specs, str(tmp_path / "all.npz"))
    assert set(arrays) == {"image", "facts.amount", "facts.colour"}


def test_rows_at_fault_are_left_out_with_their_number_and_reason_and_no_other_row_is(specs, tmp_path):
    lines = FRAME.to_csv(index=False).encode().splitlines()
    lines[3 + 1] = b"p3,abc,red,1"
    lines[10 + 1] = b"p10,1.5"
    lines[20 + 1] = b"p20,2.5,\xff\xfe,1"
    lines.append(b"p40,1.0,red,1,more")
    (tmp_path / "bad.csv").write_bytes(b"\n".join(lines) + b"\n")
    arrays, rejected = whole(specs, str(tmp_path / "bad.csv"), "facts")
    assert sorted(rejected) == [3, 10, 20, 40]
    assert rejected[3] == (
        "t.amount",
        "text where numbers are due; found: 'abc'; allowed: numbers, or empty cells",
    )
    assert rejected[10] == ("", "not one cell per name; found: 2 cells: p10,1.5; allowed: 4")
    assert rejected[20][0] == "t.colour"
    assert "not UTF-8" in rejected[20][1]
    kept = np.setdiff1d(np.arange(ROWS), [3, 10, 20])
    np.testing.assert_array_equal(arrays["facts.amount"], FRAME.amount.astype("float32")[kept])


@pytest.mark.parametrize("block", [64, 200])
def test_rows_of_a_wrong_width_keep_their_place_across_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(delimited_chunks, "BLOCK", block)
    lines = ["a,b", *(f"{row},x" for row in range(60))]
    for row in (0, 1, 30, 59):
        lines[row + 1] = "alone"
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("\n".join(lines))
    chunks = list(open_chunks(tmp_path / "a.csv.gz", "input").read(["a"], 8))
    cells = np.concatenate([chunk.columns["a"] for chunk in chunks])
    assert [cell for cell in cells if cell is not None] == [
        str(r) for r in range(60) if r not in (0, 1, 30, 59)
    ]
    assert np.flatnonzero(cells == None).tolist() == [0, 1, 30, 59]  # noqa: E711
    assert [8 * i + row for i, chunk in enumerate(chunks) for row in chunk.broken] == [0, 1, 30, 59]


def test_a_folder_of_pictures_gives_a_row_for_each_named_by_its_file(specs, tmp_path):
    (tmp_path / "more").mkdir()
    for name, row in (("b.png", 1), ("a.png", 0), ("more/c.png", 2)):
        Image.fromarray(IMAGES[row, ..., 0]).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    one = next(reader(specs, str(tmp_path), "image").read(10))
    assert one.keys.tolist() == ["a.png", "b.png", "broken.png", "more/c.png"]
    np.testing.assert_array_equal(one.arrays["image"], IMAGES[:3])
    assert "truncated or unreadable" in one.rejected[2][1]
    with pytest.raises(ConfigError, match="holds one image input alone"):
        reader(specs, str(tmp_path))
    one = next(reader(specs, str(tmp_path), missing=["facts"]).read(10))
    assert np.isnan(one.arrays["facts.amount"]).all()
    assert one.arrays["facts.colour"].tolist() == ["", "", ""]


def test_pictures_named_in_a_table_are_found_beside_it(specs, tmp_path):
    Image.fromarray(IMAGES[5, ..., 0]).save(tmp_path / "five.png")
    (tmp_path / "list.csv").write_text("image,n\nfive.png,1\nsix.png,2\n,3\n")
    arrays, rejected = whole(specs, str(tmp_path / "list.csv"), "image")
    np.testing.assert_array_equal(arrays["image"][0], IMAGES[5])
    assert "no such picture file" in rejected[1][1]
    assert np.isnan(arrays["image"][1]).all()
    assert rejected.keys() == {1}


def test_what_is_missing_is_said_before_anything_is_read(specs, tmp_path):
    path = write(tmp_path, "a.csv")
    assert np.isnan(next(reader(specs, path, missing=["image"]).read(3)).arrays["image"]).all()
    with pytest.raises(ConfigError, match="no such input"):
        reader(specs, path, missing=["imag"])
    with pytest.raises(ConfigError, match=r"input image needs it; missing=\[image\]"):
        reader(specs, path)
    with pytest.raises(ConfigError, match="all inputs are missing"):
        reader(specs, path, "facts", missing=["facts"])


@pytest.mark.parametrize("name", ["a.txt", "empty.csv", "broken.npz", "broken.parquet"])
def test_files_that_cannot_be_read_are_named(specs, tmp_path, name):
    (tmp_path / name).write_bytes(b"" if name == "empty.csv" else b"nonsense")
    with pytest.raises(ConfigError, match=name):
        reader(specs, str(tmp_path / name), "facts")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_is_never_held_whole(tmp_path, save):
    save(tmp_path / "a.npz", x=np.arange(4_000_000, dtype=np.int64).reshape(-1, 8))
    tracemalloc.start()
    try:
        total = sum(
            int(one.columns["x"].sum()) for one in open_chunks(tmp_path / "a.npz", "input").read(["x"], 1000)
        )
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert total == 4_000_000 * 3_999_999 // 2


def test_arrays_stored_column_after_column_are_read_too(tmp_path):
    array = np.arange(60).reshape(20, 3)
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(array))
    chunks = list(open_chunks(tmp_path / "a.npz", "input").read(["x"], 7))
    np.testing.assert_array_equal(np.concatenate([one.columns["x"] for one in chunks]), array)
