"""How several sources are matched: by a key, by position, or not at all."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ConfigError
from tests.data.guess.guesses import NUMBERS, ROWS, SIGNS, config_of, plan_of, write

KEYS = [f"k{row}" for row in range(ROWS)]
ORDER = np.random.default_rng(1).permutation(ROWS)


def test_a_column_that_all_have_and_that_is_unique_joins(tmp_path):
    write(tmp_path, "a.csv", key=KEYS, sign=SIGNS, day=NUMBERS.round())
    write(tmp_path, "b.npz", key=np.array(KEYS)[ORDER], x=NUMBERS[ORDER], day=NUMBERS.round())
    plan = plan_of(tmp_path, ["a.csv", "b.npz"], ["sign"])
    assert plan.matching.join == "key"
    assert plan.left_out["a.key"] == plan.left_out["b.key"] == "the key of the join"
    # The order of the join is followed where columns are compared with the target.
    write(tmp_path, "c.csv", key=np.array(KEYS)[ORDER], copy=SIGNS[ORDER], x=NUMBERS)
    plan = plan_of(tmp_path, ["a.csv", "c.csv"], ["sign"])
    assert "copy of target sign" in plan.left_out["c.copy"]


def test_keys_that_another_source_lacks_are_counted(tmp_path):
    write(tmp_path, "a.csv", id=KEYS, sign=SIGNS)
    write(tmp_path, "b.csv", id=KEYS[30:], x=NUMBERS[30:])
    plan = plan_of(tmp_path, ["a.csv", "b.csv"], ["sign"])
    assert plan.matching.join == "id"
    assert plan.matching.why.startswith("75% of the rows of a")


def test_sources_of_equal_length_without_a_key_are_matched_by_position(tmp_path):
    write(tmp_path, "a.csv", sign=SIGNS)
    write(tmp_path, "b.csv", x=NUMBERS)
    plan = plan_of(tmp_path, ["a.csv", "b.csv"], ["sign"])
    assert plan.matching.join is None
    assert "by position" in plan.matching.why
    assert "join" not in config_of(tmp_path, ["a.csv", "b.csv"], ["sign"])


@pytest.mark.parametrize(
    ("columns", "problem", "found"),
    [
        ({"x": NUMBERS[:50]}, "no column in common", "a has key, sign; b has x"),
        ({"key": KEYS[:50] * 2, "x": NUMBERS[:100]}, "no common key", "several rows of b"),
        ({"key": [f"other{row}" for row in range(50)], "x": NUMBERS[:50]}, "no common key", "only 0%"),
    ],
)
def test_sources_that_do_not_match_are_refused_with_the_reason(columns, problem, found, tmp_path):
    write(tmp_path, "a.csv", key=KEYS, sign=SIGNS)
    write(tmp_path, "b.csv", **columns)
    with pytest.raises(ConfigError, match=problem) as caught:
        plan_of(tmp_path, ["a.csv", "b.csv"], ["sign"])
    assert found in caught.value.found


@pytest.mark.parametrize("order", ["t", "step", "when"])
@pytest.mark.parametrize("first", ["labels", "steps"])
def test_a_source_with_many_rows_for_a_key_holds_the_steps_of_series(order, first, tmp_path):
    keys, places = np.repeat(KEYS, 5), np.tile(np.arange(5), ROWS)
    if order == "when":
        places = pd.Timestamp("2024-01-01") + pd.to_timedelta(places, unit="h")
    shuffled = np.random.default_rng(2).permutation(5 * ROWS)
    steps = {"key": keys, order: places, "a": np.arange(5 * ROWS) / 7, "note": "x"}
    pd.DataFrame(steps).iloc[shuffled].to_csv(tmp_path / "steps.csv", index=False)
    write(tmp_path, "labels.csv", key=KEYS, sign=SIGNS)
    files = ["labels.csv", "steps.csv"] if first == "labels" else ["steps.csv", "labels.csv"]
    config = config_of(tmp_path, files, ["sign"])
    assert [*config["sources"]] == ["labels", "steps"]
    expected = {"kind": "series", "order": f"steps.{order}", "columns": ["steps.a"]}
    assert config["inputs"] == {"steps": expected}
    with pytest.raises(ConfigError, match="many rows for a key"):
        plan_of(tmp_path, ["labels.csv", "steps.csv"], ["a"])


def test_sources_are_named_after_their_files(tmp_path):
    for name in ("2024.csv", "grüße (1).csv", "null.csv"):
        write(tmp_path, name, key=KEYS, sign=SIGNS, x=NUMBERS)
    (tmp_path / "more").mkdir()
    write(tmp_path / "more", "2024.csv", key=KEYS, x=NUMBERS)
    files = ["2024.csv", "grüße (1).csv", "null.csv", "more/2024.csv"]
    config = config_of(tmp_path, files, ["x_2024.sign"])
    assert config["sources"] == dict(zip(["x_2024", "grusse_1", "x_null", "x_2024_2"], files, strict=True))
