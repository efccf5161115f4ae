"""Rows to predict are read in chunks and keep their places; only rows with errors are left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import data
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
Open = Callable[..., RowReader]


@pytest.fixture(scope="module")
def open_rows() -> Open:
    """Opens files for some of the inputs, or for all, as restored for a logged model."""
    targets = {"y": {"kind": "category", "column": "t.y"}}
    sources = {"t": FRAME, "pictures": {"image": IMAGES}}
    fitted = data.load(sources, ENTRIES, targets, {"fractions": [0.5, 0.25, 0.25]}).inputs
    specs = {name: source.specs() for name, source in fitted.items()}

    def open_rows(entry: Any, *names: str, **options: Any) -> RowReader:
        inputs = {name: build(ENTRIES[name], INPUTS, name) for name in names or ENTRIES}
        for name, source in inputs.items():
            source.restore(name, specs[name])
        return RowReader(entry, inputs, specs, **options)

    return open_rows


def read_all(reader: RowReader, rows: int = 7) -> tuple[dict[str, np.ndarray], dict[int, tuple[str, str]]]:
    """The arrays of all rows, and the rejected rows with column and reason."""
    parts = list(reader.read(rows))
    rejected = {part.first + row: why for part in parts for row, why in part.rejected.items()}
    keys = parts[0].arrays.keys()
    return {
        key: np.concatenate([part.arrays[key] for part in parts if part.arrays]) for key in keys
    }, rejected


def write(folder: Path, name: str) -> str:
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
def test_every_format_gives_the_same_rows_in_chunks_of_any_size(
    open_rows: Open, tmp_path: Path, name: str, rows: int
) -> None:
    arrays, rejected = read_all(open_rows(write(tmp_path, name), "facts"), rows)
    assert not rejected
    np.testing.assert_array_equal(arrays["facts.amount"], FRAME.amount.astype("float32"))
    assert arrays["facts.colour"].tolist() == FRAME.colour.fillna("").tolist()


def test_chunks_have_at_most_the_requested_rows_and_know_their_first_one(
    open_rows: Open, tmp_path: Path
) -> None:
    parts = list(open_rows(write(tmp_path, "a.csv"), "facts").read(16))
    assert [(part.first, part.rows) for part in parts] == [(0, 16), (16, 16), (32, 8)]
    assert parts[-1].share == 1


def test_the_files_of_a_list_or_a_glob_follow_each_other(open_rows: Open, tmp_path: Path) -> None:
    paths = [write(tmp_path, "a.csv"), write(tmp_path, "b.parquet")]
    for entry in (paths, str(tmp_path / "*")):
        parts = list(open_rows(entry, "facts").read(100))
        assert [part.first for part in parts] == [0, ROWS]
        assert [part.share for part in parts] == [0.5, 1.0]


@pytest.mark.parametrize("entry", ["new.csv", {"t": "new.csv"}, {"t": {"path": "new.csv"}}])
def test_words_for_missing_cells_are_those_of_the_source(open_rows: Open, tmp_path: Path, entry: Any) -> None:
    (tmp_path / "new.csv").write_text("amount,colour\n1.5,red\n-,-\n2.5,NA\n")
    reader = open_rows(entry, "facts", words={"t": ["", "-"]}, folders=[tmp_path])
    arrays, rejected = read_all(reader)
    assert not rejected
    np.testing.assert_array_equal(arrays["facts.amount"], [1.5, np.nan, 2.5])
    assert arrays["facts.colour"].tolist() == ["red", "", "NA"]


def test_own_words_of_new_files_come_first(open_rows: Open, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("amount,colour\n1.5,red\n2.5,-\n")
    entry = {"t": {"path": "new.csv", "missing": ["red"]}}
    arrays, _ = read_all(open_rows(entry, "facts", words={"t": ["-"]}, folders=[tmp_path]))
    assert arrays["facts.colour"].tolist() == ["", "-"]


def test_a_key_column_names_the_rows(open_rows: Open, tmp_path: Path) -> None:
    rows = next(open_rows(write(tmp_path, "a.npz"), "facts", key="id").read(3))
    assert rows.keys.tolist() == ["p0", "p1", "p2"]
    with pytest.raises(ConfigError, match=r"no such column \(the key\)(.|\n)*nearest: id"):
        open_rows(write(tmp_path, "a.csv"), "facts", key="idd")


def test_several_sources_are_joined_on_the_key_of_training(open_rows: Open, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(ROWS)
    np.savez(tmp_path / "pictures.npz", image=IMAGES[order], id=FRAME.id.to_numpy(dtype=str)[order])
    entry = {"t": write(tmp_path, "t.csv"), "pictures": str(tmp_path / "pictures.npz")}
    arrays, _ = read_all(open_rows(entry, join="id"))
    np.testing.assert_array_equal(arrays["image"], IMAGES)
    assert next(open_rows(entry, join="id").read(2)).keys.tolist() == ["p0", "p1"]
    with pytest.raises(ConfigError, match=r"the source of column t\.amount has no file"):
        open_rows({"pictures": entry["pictures"]}, join="id")
    with pytest.raises(ConfigError, match=r"the key is the column of data\.join"):
        open_rows(entry, join="id", key="id")


def test_one_file_may_have_the_columns_of_several_sources(open_rows: Open, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", image=IMAGES, amount=FRAME.amount, colour=np.full(ROWS, "red"))
    arrays, _ = read_all(open_rows(str(tmp_path / "all.npz")))
    assert set(arrays) == {"image", "facts.amount", "facts.colour"}


def test_only_rows_with_errors_are_left_out_with_their_number_and_reason(
    open_rows: Open, tmp_path: Path
) -> None:
    lines = FRAME.to_csv(index=False).encode().splitlines()
    lines[3 + 1] = b"p3,abc,red,1"
    lines[10 + 1] = b"p10,1.5"
    lines[20 + 1] = b"p20,2.5,\xff\xfe,1"
    lines.append(b"p40,1.0,red,1,more")
    (tmp_path / "bad.csv").write_bytes(b"\n".join(lines) + b"\n")
    arrays, rejected = read_all(open_rows(str(tmp_path / "bad.csv"), "facts"))
    assert sorted(rejected) == [3, 10, 20, 40]
    assert rejected[3] == (
        "t.amount",
        "text instead of a number; found: 'abc'; allowed: numbers, or empty cells",
    )
    assert rejected[10] == (
        "",
        "the number of cells differs from the number of column names; found: 2 cells: p10,1.5; allowed: 4",
    )
    assert rejected[20][0] == "t.colour"
    assert "not UTF-8" in rejected[20][1]
    good = np.setdiff1d(np.arange(ROWS), [3, 10, 20])
    np.testing.assert_array_equal(arrays["facts.amount"], FRAME.amount.astype("float32")[good])


def test_a_folder_of_pictures_has_one_row_per_file_with_its_name_as_key(
    open_rows: Open, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    for name, row in (("b.png", 1), ("a.png", 0), ("more/c.png", 2)):
        Image.fromarray(IMAGES[row, ..., 0]).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows = next(open_rows(str(tmp_path), "image").read(10))
    assert rows.keys.tolist() == ["a.png", "b.png", "broken.png", "more/c.png"]
    np.testing.assert_array_equal(rows.arrays["image"], IMAGES[:3])
    # The training's pictures may have the same names.
    reader = open_rows(str(tmp_path), "image")
    elsewhere = tmp_path / "more" / "training"
    elsewhere.mkdir()
    Image.fromarray(255 - IMAGES[0, ..., 0]).save(elsewhere / "a.png")
    reader.inputs["image"].root = str(elsewhere)
    np.testing.assert_array_equal(next(reader.read(1)).arrays["image"], IMAGES[:1])
    (elsewhere / "a.png").unlink()
    assert "truncated or unreadable" in rows.rejected[2][1]
    with pytest.raises(ConfigError, match="if the model has a single image input"):
        open_rows(str(tmp_path))
    rows = next(open_rows(str(tmp_path), missing=["facts"]).read(10))
    assert np.isnan(rows.arrays["facts.amount"]).all()
    assert rows.arrays["facts.colour"].tolist() == ["", "", ""]


def test_pictures_named_in_a_table_are_looked_for_in_the_folder_of_the_table(
    open_rows: Open, tmp_path: Path
) -> None:
    Image.fromarray(IMAGES[5, ..., 0]).save(tmp_path / "five.png")
    (tmp_path / "list.csv").write_text("image,n\nfive.png,1\nsix.png,2\n,3\n")
    arrays, rejected = read_all(open_rows(str(tmp_path / "list.csv"), "image"))
    np.testing.assert_array_equal(arrays["image"][0], IMAGES[5])
    assert "the picture file does not exist" in rejected[1][1]
    assert np.isnan(arrays["image"][1]).all()
    assert rejected.keys() == {1}


def test_missing_inputs_and_columns_are_reported_before_any_row_is_read(
    open_rows: Open, tmp_path: Path
) -> None:
    path = write(tmp_path, "a.csv")
    assert np.isnan(next(open_rows(path, missing=["image"]).read(3)).arrays["image"]).all()
    with pytest.raises(ConfigError, match="no such input"):
        open_rows(path, missing=["imag"])
    with pytest.raises(ConfigError, match=r"input image needs it; missing=\[image\]"):
        open_rows(path)
    with pytest.raises(ConfigError, match="all inputs are missing"):
        open_rows(path, "facts", missing=["facts"])


@pytest.mark.parametrize("name", ["a.doc", "empty.csv", "broken.npz", "broken.parquet"])
def test_unreadable_files_are_named(open_rows: Open, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "empty.csv" else b"nonsense")
    with pytest.raises(ConfigError, match=name):
        open_rows(str(tmp_path / name), "facts")


def test_joined_text_files_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,zip,x\n1,007,1\n2,7,2\n3,NA,-\n")
    (tmp_path / "b.csv").write_text("id;y\n1;1,5\n3;2,5\n2;3,5\n")
    inputs = {
        "table": build(
            {"kind": "table", "categorical": ["a.zip"], "numeric": ["a.x", "b.y"]}, INPUTS, "table"
        ),
    }
    specs: Any = {
        "table": {"table.zip": ((), "string"), "table.x": ((), "float32"), "table.y": ((), "float32")}
    }
    inputs["table"].restore("table", specs["table"])
    entry: Any = {"a": {"path": "a.csv", "missing": ["NA", "-"]}, "b": "b.csv"}
    (rows,) = RowReader(entry, inputs, specs, join="id", folders=[tmp_path]).read(10)
    assert not rows.rejected
    assert rows.arrays["table.zip"].tolist() == ["007", "7", ""]
    np.testing.assert_array_equal(rows.arrays["table.x"], [1, 2, np.nan])
    np.testing.assert_array_equal(rows.arrays["table.y"], [1.5, 3.5, 2.5])
