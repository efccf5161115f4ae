"""The study of balancers: its trials, its stored results and its table."""

import json
from argparse import Namespace

from benchmarks.study_balancers import METHODS, Trial, read, table, trials


def result(first, second, seconds=1.0):
    skills = {"class": first, "score": second}
    skills = {head: value for head, value in skills.items() if value is not None}
    return {"val": skills, "test": skills, "seconds": seconds}


def test_a_static_ratio_keeps_the_sum_of_the_weights():
    overrides = Trial("kanji", "static 3", 0, 5, 0).overrides()
    assert {"loss_weights.class=1.5", "loss_weights.score=0.5"} <= set(overrides)


def test_a_single_head_removes_the_other_one():
    overrides = Trial("kanji", "single class", 0, 5, 0).overrides()
    assert {"~heads.score", "~loss_weights.score"} <= set(overrides)


def test_all_methods_come_once_per_seed():
    options = Namespace(seeds=2, jobs=["kanji"], epochs=1, rows=0)
    chosen = list(trials(options))
    assert len({trial.key for trial in chosen}) == len(chosen) == 2 * (2 + 5 + len(METHODS))
    assert [trial.seed for trial in chosen] == sorted(trial.seed for trial in chosen)


def test_an_incomplete_line_is_skipped(tmp_path):
    file = tmp_path / "results.jsonl"
    file.write_text(json.dumps({"key": ["kanji", "famo", 0, 1, 0], "seconds": 2.0}) + '\n{"key": ["kan')
    assert read(file) == {("kanji", "famo", 0, 1, 0): {"seconds": 2.0}}
    assert read(tmp_path / "nothing.jsonl") == {}


def test_the_table_names_the_tuned_ratio_and_compares_with_single_heads():
    results = {
        "single class": result(0.8, None),
        "single score": result(None, 0.5),
        "static 1": result(0.4, 0.5),
        "static 3": result(0.8, 0.4),
        "famo": result(0.6, 0.5, seconds=1.5),
    }
    chosen = [Trial("kanji", method, 0, 1, 0) for method in results]
    lines = table(
        "kanji", chosen, dict(zip((t.key for t in chosen), results.values(), strict=True))
    ).splitlines()
    assert "| static, tuned: 3 | 0.800 | 0.400 | 10.0 | 1.00 | 1 |" in lines
    assert "| famo | 0.600 | 0.500 | 12.5 | 1.50 | 1 |" in lines


def test_each_seed_adds_to_the_mean_and_its_standard_error():
    chosen = [Trial("kanji", "static 1", seed, 1, 0) for seed in (0, 1)]
    results = dict(zip((trial.key for trial in chosen), (result(0.4, 0.5), result(0.6, 0.5)), strict=True))
    assert "0.500 ± 0.100" in table("kanji", chosen, results)
