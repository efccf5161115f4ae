"""A head of few labels and nothing to learn beside two heads that take their time."""

import numpy as np
import pandas as pd
import pytest

from tests import stores
from tests.verbs import call

ROWS = 3000
COLUMNS = ", ".join(f"s.x{i}" for i in range(30))
OTHERS = "a: {kind: number, column: s.a}, side: {kind: category, column: s.side}"
GREEDY = f"{OTHERS}, rare: {{kind: category, column: s.rare}}"


@pytest.mark.slow
def test_a_head_with_nothing_to_learn_costs_the_others_little(tmp_path, no_report):
    rng = np.random.default_rng(10)
    x = rng.normal(size=(ROWS, 30)).astype("float32")
    a = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]
    table = pd.DataFrame(x, columns=[f"x{i}" for i in range(30)])
    table["a"], table["side"] = a, np.where(a > 0, "left", "right")
    table["rare"] = [f"k{rng.integers(8)}" if labelled else None for labelled in rng.random(ROWS) < 0.05]
    table.to_parquet(tmp_path / "s.parquet")
    metrics = {}
    for name, targets in {"alone": OTHERS, "greedy": GREEDY}.items():
        path = tmp_path / "conf" / "data" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"sources: {{s: s.parquet}}\ninputs: {{t: {{kind: table, numeric: [{COLUMNS}]}}}}\n"
            f"targets: {{{targets}}}\nsplit: {{fractions: [0.7, 0.15, 0.15], seed: 0}}\n"
        )
        parts = ["branches=auto", "heads=auto", "insight=off", f"tracking.run_name={name}"]
        done = call("train", "--config-dir", "conf", f"data={name}", *parts, where=tmp_path)
        assert done.returncode == 0, done.stderr
        metrics[name] = next(
            run.data.metrics for run in stores.all_runs(tmp_path) if run.info.run_name == name
        )
    alone, greedy = metrics["alone"], metrics["greedy"]
    assert alone["test/a_skill"] > 0.7
    assert greedy["test/a_skill"] > alone["test/a_skill"] - 0.05
    assert greedy["test/side_skill"] > alone["test/side_skill"] - 0.1
    assert greedy["best/rare_epoch"] < greedy["best/a_epoch"]
