"""A single file with a row for each step, in which labels and facts repeat."""

import numpy as np
import pandas as pd
import pytest

from tests.data.guess.guesses import RANDOM, config_of, plan_of

KEYS, STEPS = 60, 8


@pytest.fixture
def frame():
    """Rows of steps in any order, with a label and facts of each patient."""
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(KEYS), STEPS)
    frame = pd.DataFrame(
        {
            "patient": patient,
            "t": np.tile(np.arange(STEPS), KEYS),
            "pulse": random.normal(size=KEYS * STEPS),
            "note": random.choice(["a", "b"], KEYS * STEPS),
            "sex": random.choice(["m", "f"], KEYS)[patient],
            "age": random.normal(size=KEYS)[patient],
            "ill": random.choice(["yes", "no"], KEYS)[patient],
            "code": patient * 7919,
        }
    )
    return frame.sample(frac=1, random_state=0)


def test_labels_of_the_keys_make_series_of_the_rows(tmp_path, frame):
    frame.to_csv(tmp_path / "s.csv", index=False)
    config = config_of(tmp_path, ["s.csv"], ["ill"])
    assert config["join"] == "patient"
    assert config["inputs"] == {
        "s": {"kind": "series", "order": "s.t", "columns": ["s.pulse"]},
        "table": {"kind": "table", "numeric": ["s.age"], "categorical": ["s.sex"]},
    }
    assert config["split"] == {"fractions": [0.6, 0.2, 0.2], "stratify": "ill", "seed": 0}
    left_out = plan_of(tmp_path, ["s.csv"], ["ill"]).left_out
    assert {*left_out} == {"s.patient", "s.note", "s.code"}


def test_labels_of_the_rows_are_split_by_the_key(tmp_path, frame):
    frame.assign(y=RANDOM.normal(size=len(frame))).to_csv(tmp_path / "s.csv", index=False)
    config = config_of(tmp_path, ["s.csv"], ["y"])
    assert "join" not in config
    assert config["split"]["group"] == "s.patient"


def test_rows_without_an_order_are_no_steps(tmp_path, frame):
    frame.drop(columns="t").to_csv(tmp_path / "s.csv", index=False)
    assert config_of(tmp_path, ["s.csv"], ["ill"])["split"]["group"] == "s.patient"
