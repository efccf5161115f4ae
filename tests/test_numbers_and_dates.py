"""Whole runs on numbers and dates that used to be learned badly: far from 0, with a wild cell, skewed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests import stores
from tests.verbs import call

RANDOM = np.random.default_rng(7)
ROWS = 900
ORDER = {"column": "s.split", "train": 0, "val": 1, "test": 2}
SPLIT = np.repeat([0, 1, 2], [600, 150, 150])
TRAIN = ("branches=auto", "heads=auto", "insight=off", "tracking.log_model=false")


def trained(folder: Path, columns: dict[str, Any], inputs: str, target: str) -> tuple[float, pd.DataFrame]:
    """The skill on test rows, and their predictions."""
    folder.mkdir()
    np.savez(folder / "s.npz", split=SPLIT, **columns)
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "own.yaml").write_text(
        f"sources: {{s: s.npz}}\ninputs: {inputs}\ntargets: {{y: {{kind: number, column: {target}}}}}\n"
        f"split: {ORDER}\n".replace("'", "")
    )
    done = call("train", "--config-dir", "conf", "data=own", *TRAIN, where=folder)
    assert done.returncode == 0, done.stderr
    (run,) = stores.all_runs(folder)
    predictions = pd.read_parquet(stores.artifact(folder, run, "predictions/test.parquet"))
    return run.data.metrics["test/y_skill"], predictions


@pytest.mark.slow
def test_times_in_seconds_are_learned_as_well_as_without_their_offset(tmp_path, no_report):
    seconds = RANDOM.uniform(0, 600, ROWS)
    y = np.sin(seconds / 150) + 0.05 * RANDOM.normal(size=ROWS)
    skills = []
    for offset in (0.0, 1.7e9):
        columns = {"t": seconds + offset, "y": y + offset}
        skill, predictions = trained(
            tmp_path / f"{offset:g}", columns, "{t: {kind: table, numeric: [s.t]}}", "s.y"
        )
        np.testing.assert_array_equal(predictions["y_label"], (y + offset)[750:])
        skills.append(skill)
        # The skill is that of the predictions in original units too.
        error = predictions["y_predicted"] - predictions["y_label"]
        assert 1 - (error**2).mean() / y[750:].var() == pytest.approx(skill, abs=0.02)
    assert skills[0] > 0.9
    assert skills[1] == pytest.approx(skills[0], abs=0.02)


@pytest.mark.slow
def test_one_wild_cell_of_a_validation_row_costs_no_skill(tmp_path, no_report):
    x = RANDOM.normal(size=(ROWS, 20, 3)).astype("float32")
    y = x[:, :, 0].mean(axis=1) * 4
    wild = x.copy()
    wild[700, 5, 1] = 1000
    skills = [
        trained(tmp_path / name, {"x": series, "y": y}, "{w: {kind: series, column: s.x}}", "s.y")[0]
        for name, series in (("clean", x), ("wild", wild))
    ]
    assert skills[0] > 0.8
    assert skills[1] == pytest.approx(skills[0], abs=0.02)


@pytest.mark.slow
def test_prices_over_orders_of_magnitude_are_learned_and_never_negative(tmp_path, no_report):
    x = RANDOM.normal(size=(ROWS, 3))
    price = np.exp(3 + 2 * x[:, 0] + np.sin(2 * x[:, 1]) + 0.2 * RANDOM.normal(size=ROWS)).round(2)
    skill, predictions = trained(
        tmp_path / "run", {"x": x, "y": price}, "{x: {kind: vector, column: s.x}}", "s.y"
    )
    assert skill > 0.9
    assert predictions["y_predicted"].min() > 0


@pytest.mark.slow
def test_the_weekday_of_a_date_is_learned(tmp_path, no_report):
    days = pd.Timestamp("2021-03-01") + pd.to_timedelta(RANDOM.integers(900, size=ROWS), unit="D")
    visits = 50 + 30 * days.day_of_week.to_numpy() + 5 * RANDOM.normal(size=ROWS)
    columns = {"day": days.strftime("%m/%d/%Y").to_numpy(str), "y": visits}
    assert trained(tmp_path / "run", columns, "{t: {kind: table, dates: [s.day]}}", "s.y")[0] > 0.9
