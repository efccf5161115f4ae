"""The overview of labels and baselines, which is shown before the training."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from pipeline.job import label_overview
from pipeline.job.label_overview import MOST_LINES
from tests import composed


def test_every_head_and_split_has_its_counts_and_its_best_constant(untrained):
    table = label_overview.overview(untrained).set_index(["target", "split"])
    assert len(table) == 6
    train = table.loc[("species", "train")]
    assert train["constant"] == max(train["counts"], key=train["counts"].get)
    shares = np.array(list(train["counts"].values())) / train["labelled"]
    assert train["constant_loss"] == pytest.approx(-np.sum(shares * np.log(shares)), abs=1e-4)
    mass = table.loc[("body_mass", "train")]
    assert mass["q25"] < mass["constant"] < mass["q75"]
    assert (
        table.loc[("body_mass", "val"), "constant_loss"]
        == untrained.references["val"]["body_mass"].baseline_loss
    )


def test_the_text_has_a_line_per_head_and_split(untrained):
    lines = label_overview.as_text(label_overview.overview(untrained)).splitlines()
    assert len(lines) == 7
    assert lines[0].split()[:3] == ["head", "split", "rows"]
    assert lines[1].split()[:2] == ["species", "train"]
    assert "Adelie" in lines[1]
    assert " … " in lines[4]


def test_of_many_classes_only_the_most_frequent_are_shown():
    counts = {f"c{n}": n for n in range(20)}
    row = {"target": "t", "column": "", "split": "val", "rows": 9, "labelled": 0, "counts": counts}
    text = label_overview.as_text(pd.DataFrame([row | {"constant": "c19", "constant_loss": None}]))
    assert "c19 19, c18 18" in text
    assert "… 20 classes" in text
    assert "c0 0" not in text
    assert " - " in text


def test_on_a_terminal_many_heads_show_their_training_rows_only():
    row = {"target": "a", "column": "a", "rows": 9, "labelled": 9, "counts": {"x": 9}, "constant": "x"}
    splits = ["train", "val", "test"] * MOST_LINES
    table = pd.DataFrame([row | {"split": split, "constant_loss": 1.0} for split in splits])
    lines = label_overview.as_text(table, brief=True).splitlines()
    assert len(lines) == 1 + MOST_LINES + 1
    assert {line.split()[1] for line in lines[1:-1]} == {"train"}
    assert lines[-1] == "(the other splits: data/summary.csv of the run)"
    assert len(label_overview.as_text(table).splitlines()) == 1 + 3 * MOST_LINES  # not on a terminal


def test_the_overview_is_only_printed_to_a_terminal(untrained, capsys, monkeypatch):
    label_overview.show(untrained)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    label_overview.show(untrained)
    assert "best constant" in capsys.readouterr().err


def test_the_files_contain_the_table_and_the_leaks(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        job = composed.job("experiment=gray_colour")
    assert "have the same inputs as a row in" in caplog.text
    label_overview.write(tmp_path / "data", job)
    table = pd.read_csv(tmp_path / "data" / "summary.csv")
    assert table["rows"].tolist() == [1334, 285, 287]
    assert sum(json.loads(table["counts"][0]).values()) == 1334
    leaks = json.loads((tmp_path / "data" / "leaks.json").read_text())
    assert {leak["severity"] for leak in leaks} == {"identical rows"}
    assert leaks[0]["examples"][0].startswith("row ")


def test_one_line_tells_the_rows_the_labels_that_are_missing_and_the_size(untrained):
    line = label_overview.sentence(untrained)
    rows = {split: len(part.rows) for split, part in untrained.dataset.splits.items()}
    assert line.startswith(f"train {rows['train']}, val {rows['val']}, test {rows['test']} rows; ")
    assert "species" not in line  # has all labels
    assert line.endswith(f"{untrained.model.count_params():,} weights")
