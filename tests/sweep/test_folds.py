"""Folds of a sweep: which trials belong together, their means, and the predictions of all rows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.sweep.board.choice import command
from pipeline.sweep.board.effects import effects
from pipeline.sweep.board.fold_means import fold_table, mean_and_error, metrics_of, titles
from pipeline.sweep.board.folds import folds_section
from pipeline.sweep.board.groups import fold, noise, verdict
from pipeline.sweep.folds import fold_sets
from pipeline.sweep.lines import fold_lines
from pipeline.sweep.out_of_fold import out_of_fold
from pipeline.sweep.trials import Trial
from tests.sweep.board.sample import OBJECTIVE, sweep, trial

FOLD, SPLIT_SEED = "data.split.fold", "data.split.seed"


def fold_trial(number: int, skill: float, *, config: str = "", **more: Any) -> Trial:
    varied = {"optimizer": config} if config else {}
    varied = {**varied, FOLD: str(number), **more.pop("varied", {})}
    metrics = {
        OBJECTIVE: skill,
        "best/val_class_skill": skill,
        "val/class_skill": -9.0,
        "test/class_skill": skill / 2,
    }
    name = more.pop("name", " ".join(f"{key.rpartition('.')[2]}={one}" for key, one in varied.items()))
    fields = {"metrics": metrics, "folds": 3, "tested": "fixed", "config": config} | more
    return trial(name, varied, 0, 0, **fields)


def test_folds_repeat_a_config_and_are_no_parameter_of_it():
    trials = [fold_trial(k, 0.5 + k / 10, config=name) for name in ("adam", "sgd") for k in range(3)]
    groups = fold(trials)
    assert [group.name for group in groups] == ["optimizer=adam", "optimizer=sgd"]
    assert groups[0].varied == {"optimizer": "adam"}
    assert groups[0].mean_of == "mean of 3 folds"
    assert [effect.parameter for effect in effects(trials, OBJECTIVE)] == ["optimizer"]


def test_folds_split_seeds_and_seeds_repeat_a_config_together():
    repeats = [{SPLIT_SEED: str(split), "seed": str(seed)} for split in (0, 1) for seed in (0, 1)]
    trials = [fold_trial(k, 0.5, config="adam", varied=one) for one in repeats for k in range(3)]
    (group,) = fold(trials)
    assert (group.name, group.mean_of) == ("optimizer=adam", "mean of 12 repeats")
    assert len(fold_sets(trials)) == 4


def test_configs_are_compared_fold_by_fold():
    # The folds differ far more than the configs, but alike under both.
    trials = [
        fold_trial(k, 0.1 * k + gain + 0.001 * (k % 2), config=name)
        for name, gain in (("adam", 0.05), ("sgd", 0.0))
        for k in range(5)
    ]
    groups = fold(trials)
    assert verdict(*groups, OBJECTIVE, noise(groups, OBJECTIVE)) == "worse, beyond noise"


def test_the_command_to_train_the_config_is_that_of_a_single_run_on_the_split_itself():
    words = "optimizer=adam sweep=folds +data.split.fold=0 data.split.folds=3 data.split.tested=once"
    group = fold([fold_trial(0, 0.5, config="adam", overrides=words)])[0]
    assert command(sweep([]), group) == "python -m pipeline.train optimizer=adam"


def test_the_standard_error_is_that_over_folds_and_not_over_seeds():
    by_fold = {0: 0.2, 1: 0.4, 2: 0.6}
    once = fold([fold_trial(k, skill) for k, skill in by_fold.items()])[0]
    twice = fold(
        [
            fold_trial(k, skill + gap, varied={"seed": str(gap)})
            for k, skill in by_fold.items()
            for gap in (-0.05, 0.05)
        ]
    )[0]
    expected = np.std([0.2, 0.4, 0.6], ddof=1) / np.sqrt(3)
    for group in (once, twice):
        assert mean_and_error(group, OBJECTIVE) == (pytest.approx(0.4), pytest.approx(expected))


def test_a_fold_that_was_interrupted_counts_neither_in_the_means_nor_among_the_folds():
    trials = [fold_trial(k, skill) for k, skill in enumerate((0.2, 0.4))]
    group = fold([*trials, fold_trial(2, 0.9, status="KILLED")])[0]
    assert mean_and_error(group, OBJECTIVE)[0] == pytest.approx(0.3)
    assert all("over 2 folds" in title for title in titles(group).values())


def test_metrics_of_the_sweep_are_those_of_the_kept_epochs():
    group = fold([fold_trial(k, skill) for k, skill in enumerate((0.2, 0.4))])[0]
    found = metrics_of(group)
    assert found["folds/val_class_skill"] == pytest.approx(0.3)
    assert found["folds/test_class_skill"] == pytest.approx(0.15)
    assert found["folds/val_class_skill_error"] == pytest.approx(0.1)


def test_terminal_and_board_show_each_head_on_held_out_and_on_test_rows():
    trials = [fold_trial(k, skill) for k, skill in enumerate((0.2, 0.4, 0.6))]
    (group,) = fold(trials)
    assert list(titles(group)) == ["val", "test"]
    assert fold_table(group, "val")[1][:2] == ["class", "0.40 ± 0.12"]
    lines = fold_lines(trials, OBJECTIVE)
    assert "the same for all folds, mean ± standard error over 3 folds" in "\n".join(lines)
    (section,) = folds_section([group])
    assert list(section.tables) == ["folds_val", "folds_test"]
    assert section.tables["folds_test"].rows[0][:2] == ["class", "0.200 ± 0.058"]


def test_tables_of_folds_list_the_heads_in_the_order_of_the_config():
    trials = [
        replace(one, metrics={**one.metrics, "best/val_area_skill": 0.1, "best/val_bill_skill": 0.2})
        for one in (fold_trial(k, 0.5) for k in range(2))
    ]
    order = ["class", "bill", "area"]
    assert [row[0] for row in fold_table(fold(trials)[0], "val", order)[1:]] == order
    (section,) = folds_section(fold(trials), order)
    assert [row[0] for row in section.tables["folds_val"].rows] == order
    shown = [line.split()[0] for line in fold_lines(trials, OBJECTIVE, order)]
    assert shown[2:5] == order


def test_folds_that_test_every_row_once_have_one_table():
    (group,) = fold([fold_trial(k, 0.5, tested="once") for k in range(3)])
    assert list(titles(group)) == ["test"]


def test_a_sweep_without_folds_shows_none():
    trials = [trial("a", {"x": "1"}, 0.5, 0.5)]
    assert fold_lines(trials, OBJECTIVE) == []
    assert list(folds_section(fold(trials))) == []
    assert fold_sets(trials) == []


def test_a_set_knows_which_folds_are_missing_and_other_configs_are_other_sets():
    trials = [fold_trial(0, 0.5), fold_trial(1, 0.5, status="FAILED"), fold_trial(0, 0.5, folds=2)]
    first, other = fold_sets(trials)
    assert (first.number, first.missing) == (3, [1, 2])
    assert (other.number, other.missing) == (2, [1])
    assert first.name != other.name


@pytest.mark.parametrize("word", ["fold=1", "split.fold=1", "data.split.fold=1"])
def test_a_set_is_named_after_its_config_and_not_after_a_fold(word):
    trials = [fold_trial(1, 0.5, name=f"adam {word} seed=2"), fold_trial(1, 0.5, name=word, folds=2)]
    assert [one.name for one in fold_sets(trials)] == ["adam seed=2", "folds"]


class Stored:
    """A run whose artifacts are files of a folder."""

    def __init__(self, folder: Path, rows: list[int], names: list[str], probabilities: list[list[float]]):
        self.folder = folder
        (folder / "predictions").mkdir(parents=True)
        (folder / "config").mkdir()
        (folder / "config" / "labels.json").write_text(json.dumps({"kind": names}))
        frame = pd.DataFrame({"row": rows, "kind_loss": 0.5, "kind_probabilities": probabilities})
        frame.to_parquet(folder / "predictions" / "val.parquet", index=False)

    def has(self, path: str) -> bool:
        return self.artifact(path).exists()

    def artifact(self, path: str) -> Path:
        return self.folder / path


def test_out_of_fold_predictions_have_each_row_once_in_order(tmp_path):
    one = Stored(tmp_path / "a", [5, 1], ["x", "y"], [[0.1, 0.9], [0.2, 0.8]])
    other = Stored(tmp_path / "b", [0, 4], ["x", "y"], [[0.3, 0.7], [0.4, 0.6]])
    table = out_of_fold([one, other], "val")
    assert list(table.columns) == ["row", "kind_loss", "kind_probabilities"]
    assert list(table["row"]) == [0, 1, 4, 5]
    assert [row[0] for row in table["kind_probabilities"]] == [0.3, 0.2, 0.4, 0.1]


def test_a_class_that_a_fold_did_not_know_has_the_probability_0_there(tmp_path):
    one = Stored(tmp_path / "a", [0], ["x", "y", "z"], [[0.1, 0.2, 0.7]])
    other = Stored(tmp_path / "b", [1], ["x", "z"], [[0.4, 0.6]])
    assert [list(row) for row in out_of_fold([one, other], "val")["kind_probabilities"]] == [
        [0.1, 0.2, 0.7],
        [0.4, 0.0, 0.6],
    ]


def test_folds_of_data_that_changed_between_them_are_not_joined(tmp_path):
    runs = [Stored(tmp_path / name, [0, 1], ["x"], [[1.0], [1.0]]) for name in "ab"]
    with pytest.raises(ValueError, match="folds share rows: the data changed"):
        out_of_fold(runs, "val")
