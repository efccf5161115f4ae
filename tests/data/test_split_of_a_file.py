"""The split follows from the file, the split's options and the seed, not from what a config names."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.errors import ConfigError

ROWS = 300
RANDOM = np.random.default_rng(5)
FRAME = pd.DataFrame(
    {
        "a": RANDOM.normal(size=ROWS),
        "b": RANDOM.normal(size=ROWS),
        "code": RANDOM.integers(0, 5, ROWS),
        "word": RANDOM.choice(["x", "y", ""], ROWS),
        "text": [f"text {number}" for number in range(ROWS)],
        "amount": RANDOM.normal(9, 3, ROWS).round(3),
        "person": [f"p{number % 70}" for number in range(ROWS)],
    }
)
IMAGES = RANDOM.integers(0, 256, (ROWS, 4, 4, 3), dtype=np.uint8)
INPUTS = {"t": {"kind": "table", "numeric": ["s.a", "s.b"], "categorical": ["s.word"]}}
TARGETS = {
    "code": {"kind": "category", "column": "s.code"},
    "amount": {"kind": "number", "column": "s.amount"},
}
FRACTIONS: dict[str, Any] = {"fractions": [0.7, 0.15, 0.15], "seed": 3}
CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "an input less": ({}, TARGETS, {}),
    "a target less": (INPUTS, {"code": TARGETS["code"]}, {}),
    "an input more": (INPUTS | {"text": {"kind": "text", "column": "s.text"}}, TARGETS, {}),
    "a target more": (INPUTS, TARGETS | {"word": {"kind": "category", "column": "s.word"}}, {}),
    "a column less": ({"t": {"kind": "table", "numeric": ["s.a"]}}, TARGETS, {}),
    "a number as a category": (
        {"t": {"kind": "table", "numeric": ["s.a", "s.b"], "categorical": ["s.word", "s.code"]}},
        {"code": {"kind": "number", "column": "s.code"}, "amount": TARGETS["amount"]},
        {},
    ),
    "an input as a target": (
        {"t": {"kind": "vector", "column": "s.a"}},
        TARGETS | {"b": {"kind": "number", "column": "s.b"}},
        {},
    ),
    "other options": (
        {"t": INPUTS["t"] | {"scale": "none"}, "text": {"kind": "text", "column": "s.text", "tokens": 9}},
        {"code": TARGETS["code"] | {"unseen": "error"}, "amount": TARGETS["amount"] | {"scale": "none"}},
        {},
    ),
    "none used": (INPUTS, TARGETS, {"only_inputs": [], "only_targets": []}),
    "only some used": (INPUTS, TARGETS, {"only_inputs": ["t"], "only_targets": ["amount"]}),
    "a source more": (INPUTS | {"photo": {"kind": "image", "column": "more.photo"}}, TARGETS, {}),
    "streamed": (INPUTS, TARGETS, {"in_memory": False}),
}
SPLITS: dict[str, dict[str, Any]] = {
    "fractions": FRACTIONS,
    "strata": FRACTIONS | {"stratify": "code"},
    "strata of numbers": FRACTIONS | {"stratify": "s.amount"},
    "groups": FRACTIONS | {"group": "s.person"},
}


def members(
    split: dict[str, Any],
    inputs: dict[str, Any] = INPUTS,
    targets: dict[str, Any] = TARGETS,
    sources: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[str, list[list[int]]]:
    """The fingerprint, and the rows of each split."""
    entries = {"s": FRAME, "more": {"photo": IMAGES}} if sources is None else sources
    dataset = data.load(entries, inputs, targets, split, **options)
    return dataset.fingerprint, [sorted(split.rows.tolist()) for split in dataset.splits.values()]


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_no_choice_of_inputs_and_targets_changes_the_split(split: dict[str, Any]) -> None:
    first = members(split)
    for name, (inputs, targets, options) in CHOICES.items():
        assert members(split, inputs, targets, **options) == first, name


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_neither_the_order_of_the_columns_nor_the_source_s_name_matters(split: dict[str, Any]) -> None:
    turned = {"s": FRAME[FRAME.columns[::-1]], "more": {"photo": IMAGES}}
    assert members(split, sources=turned) == members(split)


def test_a_csv_file_and_a_parquet_file_of_the_same_rows_have_the_same_split(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "s.csv", index=False)
    FRAME.to_parquet(tmp_path / "s.parquet")
    files = [{"s": str(tmp_path / name)} for name in ("s.csv", "s.parquet")]
    split = FRACTIONS | {"stratify": "code"}
    assert members(split, sources=files[0]) == members(split, sources=files[1])
    assert members(split, sources=files[0], in_memory=False) == members(
        split, sources=files[1], in_memory=False
    )


def test_every_column_of_the_file_counts() -> None:
    first = members(FRACTIONS)
    for column in FRAME:
        changed = FRAME.assign(**{column: FRAME[column].to_numpy()[::-1]})
        assert members(FRACTIONS, sources={"s": changed})[0] != first[0]


def test_rows_that_are_identical_in_the_first_source_are_told_apart_by_the_next() -> None:
    sources = {"labels": {"y": np.arange(ROWS) % 3}, "x": {"image": IMAGES}}
    inputs = {"image": {"kind": "image", "column": "x.image"}}
    targets = {"y": {"kind": "category", "column": "labels.y"}}
    rows = members(FRACTIONS, inputs, targets, sources)[1]
    assert [len(part) for part in rows] == [210, 45, 45]
    order = RANDOM.permutation(ROWS)
    turned = {"labels": {"y": sources["labels"]["y"][order]}, "x": {"image": IMAGES[order]}}
    again = members(FRACTIONS, inputs, targets, turned)[1]
    assert [sorted(order[part].tolist()) for part in again] == rows


def test_arrays_that_have_nothing_to_do_with_the_rows_are_left_out() -> None:
    columns = {name: FRAME[name].to_numpy() for name in FRAME}
    more = {**columns, "names": np.array(["a", "b"]), "version": np.array(3)}
    assert members(FRACTIONS, sources={"s": more}) == members(FRACTIONS, sources={"s": columns})


def test_a_doubled_column_that_no_config_names_does_not_matter(tmp_path: Path) -> None:
    text = FRAME.assign(other=1).to_csv(index=False).replace("other", "a", 1)
    (tmp_path / "s.csv").write_text(text)
    targets = {"code": TARGETS["code"]}
    inputs = {"t": {"kind": "table", "numeric": ["s.b"]}}
    assert members(FRACTIONS, inputs, targets, {"s": str(tmp_path / "s.csv")})[1][0]


def test_columns_of_text_files_that_nothing_names_are_not_kept(tmp_path: Path) -> None:
    from pipeline.data.file_rows import FileRows
    from pipeline.data.sources import Sources

    FRAME.to_csv(tmp_path / "s.csv", index=False)
    sources = Sources({"s": str(tmp_path / "s.csv")}, references=["s.a"], whole=True)
    sources.read({"s.a": "data.inputs.t.numeric"})
    FileRows(sources, {}, 0, drawn=True)
    assert list(sources.cache) == ["s.a"]
    assert sources.sources["s"].parts[0][1].table.column_names == ["a"]  # type: ignore[attr-defined]


def test_the_split_of_version_0_1_depends_on_what_is_named() -> None:
    split = FRACTIONS | {"rows": "named"}
    inputs, targets, _ = CHOICES["an input less"]
    assert members(split)[1] != members(split, inputs, targets)[1]
    assert members(split)[1] != members(FRACTIONS)[1]


def test_the_split_of_version_0_1_takes_one_target_to_stratify() -> None:
    with pytest.raises(ConfigError, match="rows: named") as caught:
        members(FRACTIONS | {"rows": "named", "stratify": ["code", "amount"]})
    assert caught.value.key == "data.split.stratify"


def test_decimal_commas_and_words_for_missing_cells_do_not_change_the_split(tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame.loc[::7, "a"] = np.nan
    frame["b"] = frame["b"].round(2)
    frame.to_csv(tmp_path / "plain.csv", index=False)
    frame.to_csv(tmp_path / "words.csv", index=False, na_rep="NA")
    frame.to_csv(tmp_path / "commas.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(tmp_path / "table.parquet")
    files = ("plain.csv", "words.csv", "commas.csv", "table.parquet")
    rows = [data.load({"s": name}, INPUTS, TARGETS, FRACTIONS, folders=[tmp_path]) for name in files]
    for other in rows[1:]:
        assert other.fingerprint == rows[0].fingerprint
