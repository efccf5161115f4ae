"""A run goes on with the data with which it was trained, and with no others."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ConfigError
from pipeline.job.data_identity import check_same
from tests import stores
from tests.verbs import call

FACTS = {
    "fingerprint": "0123456789",
    "rows": {"train": 6, "val": 2, "test": 2},
    "labels": {"kind": ["a", "b"]},
    "targets": {"kind": "category"},
    "inputs": {"x": {"x": [[2], "float64"]}},
    "contents": {"labels of kind": "aa", "input x": "bb"},
}
DATA = """
sources: {rows: rows.csv, more: more.csv}
join: id
inputs: {x: {kind: vector, column: more.x}}
targets: {kind: {kind: category, column: more.kind}}
split: {fractions: [0.6, 0.2, 0.2]}
"""


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("fingerprint", "9876543210", "fingerprint 01234567, now 98765432"),
        ("rows", {"train": 7, "val": 2, "test": 2}, "train: 6 rows, now 7"),
        ("labels", {"kind": ["b", "z"]}, "kind: without 'a' and with the new 'z'"),
        ("labels", {"kind": ["b", "a"]}, "kind: the classes have another order"),
        ("targets", {"kind": "binary"}, "kind: category, now binary"),
        ("inputs", {"x": {"x": [[3], "float64"]}}, "x: "),
        ("inputs", {}, "now none"),
        ("contents", {"labels of kind": "aa", "input x": "cc"}, "other values: input x"),
    ],
)
def test_the_message_says_what_differs(key, value, told):
    check_same(FACTS, FACTS)
    with pytest.raises(ConfigError, match=told):
        check_same(FACTS, {**FACTS, key: value})


def test_what_version_0_1_did_not_store_is_not_compared():
    check_same({"rows": FACTS["rows"]}, FACTS)
    with pytest.raises(ConfigError):
        check_same({"rows": FACTS["rows"]}, {**FACTS, "rows": {"train": 1}})


def write(folder, change=lambda frame: frame):
    """Two files matched by a key, so that the split says nothing of the second one's values."""
    ids = np.arange(60)
    frame = pd.DataFrame({"id": ids, "x": np.sin(ids), "kind": np.where(ids % 3, "few", "many")})
    frame[["id"]].to_csv(folder / "rows.csv", index=False)
    change(frame).to_csv(folder / "more.csv", index=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch: its folder and id."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "mine.yaml").write_text(DATA)
    write(folder)
    short = ["trainer.epochs=1", "tracking.log_model=false", "insight=off", "branches=auto", "heads=auto"]
    done = call("train", "--config-dir", "conf", "data=mine", *short, where=folder)
    assert done.returncode == 0, done.stderr
    return folder, next(folder.glob("mlruns/checkpoints/*")).name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.replace({"kind": {"many": "a lot"}}), "with the new 'a lot'"),
        (lambda frame: frame.assign(kind=np.roll(frame.kind, 1)), "other values: labels of kind"),
        (lambda frame: frame.assign(x=2 * frame.x), "other values: input x"),
    ],
)
def test_a_run_does_not_go_on_with_other_data_and_nothing_is_written(trained, change, told):
    folder, run_id = trained
    write(folder, change)
    (before,) = stores.all_runs(folder)
    done = call("train", f"resume={run_id}", "trainer.epochs=2", where=folder)
    assert done.returncode == 2
    assert told in done.stderr
    (after,) = stores.all_runs(folder)
    assert (after.data.metrics, after.info.end_time) == (before.data.metrics, before.info.end_time)


@pytest.mark.slow
def test_a_run_goes_on_with_the_same_data(trained):
    folder, run_id = trained
    write(folder)
    done = call("train", f"resume={run_id}", "trainer.epochs=2", where=folder)
    assert done.returncode == 0, done.stderr
