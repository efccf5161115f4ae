from pathlib import Path

from pipeline import config
from tests.config.cases import right_configs, wrong_configs


@wrong_configs(
    (
        ["data.inputs.image.kind=picture"],
        "data.inputs.image.kind: there is no such kind of input",
        ["found:   picture", "allowed: image, series, vector, table, text"],
    ),
    (
        ["data.targets.score.kind=numbr"],
        "data.targets.score.kind: there is no such kind of target",
        ["nearest: number"],
    ),
    (
        ["data.inputs.image.column=kanjis.image"],
        "data.inputs.image.column: there is no such source",
        ["nearest: kanji.<column>"],
    ),
    (
        ["+data.inputs.image.chanels=3"],
        "data.inputs.image.chanels: there is no such key",
        ["allowed: kind, column"],
    ),
    (
        ["+data.inputs.image.scale=best"],
        "data.inputs.image.scale: ",
        ["allowed: auto, bytes, robust, standard, none"],
    ),
    (
        ["+data.targets.score.scale=robust"],
        "data.targets.score.scale: ",
        ["allowed: auto, standard, log, qu"],
    ),
    (
        ["+data.inputs.series.scale=log"],
        "data.inputs.series.scale: ",
        ["allowed: robust, standard, quantile"],
    ),
    (
        ["data=penguins", "+data.inputs.traits.dates=[penguin.day]"],
        "data.inputs.traits.dates: there is no",
        [],
    ),
    (
        ["data=penguins", "+data.inputs.traits.day_first=1"],
        "data.inputs.traits.day_first: ",
        ["true or false"],
    ),
    (["~data.targets.score.column"], "data.targets.score.column: this key is missing", []),
    (
        ["data=penguins", "~data.inputs.traits.numeric", "~data.inputs.traits.categorical"],
        "data.inputs.traits: the table has no columns",
        [],
    ),
    (["~data.inputs.series.column"], "data.inputs.series: a series needs either", []),
    (
        ["+data.inputs.series.columns=[kanji.a]"],
        "data.inputs.series: a series needs either",
        ["column, columns"],
    ),
    (
        ["+data.inputs.series.order=kanji.t"],
        "data.join: data.inputs.series.order takes a row for each step",
        [],
    ),
    (["+data.inputs.series.order=kanjis.t", "+data.join=id"], "data.inputs.series.order: there is no", []),
    (["+data.inputs.series.gaps=mean"], "data.inputs.series.gaps: ", ["allowed: line, none"]),
    (["data.inputs.image=3"], "data.inputs.image: ", ["allowed: a mapping"]),
    (["data.sources.kanji=3"], "data.sources.kanji: this is not a source", ["found:   3"]),
    (
        ["data.sources.kanji=nowhere/kanji.npz"],
        "data.sources.kanji: the file or folder does not exist",
        ["found:   nowhere/kanji.npz"],
    ),
    (
        ["data.sources.kanji={path: [a.npz, b.parquet], encoding: cp1252}"],
        "data.sources.kanji.encoding: no file of this source has a format with this option",
        ["found:   a.npz, b.parquet", "allowed: encoding of .csv, .tsv"],
    ),
    (
        ["data.sources.kanji={path: a.csv.gz, sheet: Sales}"],
        "data.sources.kanji.sheet: no file of this source",
        ["allowed: sheet of .xlsx, .xlsm files"],
    ),
    (["data.sources.kanji=[]"], "data.sources.kanji: ", ["found:   []"]),
    (["data.sources.kanji=*.nothing"], "data.sources.kanji: no file matches", []),
    (
        ["data.sources.kanji=pkg://pipeline.datasets/kanj.npz"],
        "data.sources.kanji: the file or folder does not exist",
        [],
    ),
    (
        ["data.sources.kanji=pkg://no_such_package/kanji.npz"],
        "data.sources.kanji: the package is not installed",
        ["no_such_package"],
    ),
    (
        ["data.split.column=kanjis.split"],
        "data.split.column: there is no such source",
        ["nearest: kanji.<column>"],
    ),
    (["data.split.val=0"], "data.split: two splits have the same value", ["found:"]),
    (["~data.split.test"], "data.split.test: this key is missing", []),
    (["data.split=half"], "data.split: ", ["found:   'half'"]),
    (["~data.split.column"], "data.split: the way to split is missing", ["allowed: column, time, fractions"]),
    (
        ["data=penguins", "data.split.fractions=[0.7,0.2,0.2]"],
        "data.split.fractions: ",
        ["found:   [0.7, 0.2, 0.2]", "add up to 1"],
    ),
    (["data=penguins", "data.split.fractions=[0.7,0.3]"], "data.split.fractions: ", ["three numbers"]),
    (["data=penguins", "data.split.fractions=[1.0,0.0,0.0]"], "data.split.fractions: ", ["above 0"]),
    (
        ["data=penguins", "data.split.stratify=specis"],
        "data.split.stratify: there is no such target",
        ["nearest: species"],
    ),
    (
        ["data=penguins", "+data.split.group=penguin.island"],
        "data.split.group: there is no such source",
        ["nearest: penguins.<column>"],
    ),
    (
        ["~data.split", "+data.split={time: kanji.split, fractions: [0.8, 0.1, 0.1], val: 1}"],
        "data.split: a split by time needs either fractions or starting times",
        ["found:   time, fractions, val"],
    ),
    (
        ["~data.split", "+data.split={time: kanji.split}"],
        "data.split: a split by time needs either fractions or starting times",
        ["allowed: fractions; or"],
    ),
    (
        ["data=penguins", "+data.split={time: penguins.year, fractions: [0.8, 0.1, 0.1]}"],
        "data.split.stratify: a split by time does not take this option",
        ["found:   species", "allowed: data.split.stratify=null drops it"],
    ),
    (["+data.split.folds=1", "+data.split.fold=0"], "data.split.folds: ", ["whole number from 2"]),
    (["+data.split.folds=5"], "data.split.fold: this run needs the number of the fold", ["0 to 4"]),
    (
        ["+data.split.folds=5", "+data.split.fold=5"],
        "data.split.fold: this run",
        ["found:   5", "sweep=folds"],
    ),
    (["+data.split.fold=1"], "data.split.folds: the number of folds is missing", ["found:   fold: 1"]),
    (["sweep=folds", "data.split.fold=0", "data.split.tested=twice"], "data.split.tested: ", ["fixed, once"]),
    (
        ["sweep=folds", "data.split.fold=0", "data.split.folds=2", "data.split.tested=once"],
        "data.split.folds: with tested: once",
        ["allowed: 3 or more"],
    ),
    (
        ["sweep=folds", "data.split.fold=0", "data.split.rows=named"],
        "data.split.rows: folds follow from whole rows",
        [],
    ),
    (["+data.split.stratify=class"], "data.split.stratify: a split by column does not take", []),
    (
        ["data.targets.class.names=kanjis.x"],
        "data.targets.class.names: there is no such source",
        ["nearest: kanji.<column>"],
    ),
)
def test_a_wrong_data_node_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    ["~data.split", "+data.split={column: kanji.split, train: [0, 3], val: 1, test: 2}"],
    ["~data.split", "+data.split={time: kanji.split, fractions: [0.8, 0.1, 0.1]}"],
    ["~data.split", "+data.split={time: kanji.split, val: 1, test: 2}"],
    ["data=penguins", "experiment=penguins", "data.split.stratify=penguins.sex"],
    ["data=penguins", "experiment=penguins", "+data.split.group=penguins.island"],
    ["sweep=folds", "data.split.fold=4", "+data.split.stratify=class", "+data.split.seed=1"],
    ["sweep=folds", "data.split.folds=10", "data.split.fold=9", "data.split.tested=once"],
)
def test_a_right_data_node_passes(compose, overrides):
    config.check(compose(*overrides))


def test_an_option_of_the_split_that_is_null_is_dropped(compose):
    split = "+data.split={time: penguins.year, fractions: [0.8, 0.1, 0.1], stratify: null, seed: null}"
    cfg = config.expand(compose("data=penguins", "experiment=penguins", split))
    config.check(cfg)
    assert {*cfg.data.split} == {"time", "fractions", "rows"}


def test_a_relative_file_is_looked_for_in_every_folder(compose, error_message, tmp_path):
    (tmp_path / "mine.npz").touch()
    config.check(compose("data.sources.kanji=mine.npz"), folders=[Path("nowhere"), tmp_path])
    message = error_message("data.sources.kanji=min.npz", folders=[tmp_path])
    assert f"looked in {tmp_path}" in message
    assert "nearest: mine.npz" in message
