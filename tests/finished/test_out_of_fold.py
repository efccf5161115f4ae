"""The rows that an ensemble of folds tested once, each by the member that did."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.conformal import METHODS, Calibration, CrossCalibration
from pipeline.finished.labelled_rows import each_row_once
from pipeline.finished.out_of_fold import OutOfFold
from pipeline.finished.run import Outputs
from tests.conformal.test_conformal import DRAWS, LEVEL, same
from tests.conformal.test_cross import shifted

MODELS, OF_EACH = 4, 33  # 99 rows of the other folds
OF_NUMBERS = [name for name, method in METHODS.items() if method.of_numbers]


@dataclass
class Folds:
    """The run of an ensemble: the rows that each member tested."""

    folder: object
    tested: list
    metrics: dict
    tags: dict
    uri = ""

    @property
    def client(self):
        return SimpleNamespace(get_run=lambda name: name)


@pytest.fixture
def folds(tmp_path, monkeypatch):
    """A function that makes such a run."""

    def made(tested, **tags):
        monkeypatch.setattr(
            "pipeline.finished.out_of_fold.StoredRun", SimpleNamespace(of=lambda client, uri, one: one)
        )
        monkeypatch.setattr(
            "pipeline.finished.out_of_fold.logged_rows",
            lambda one, split: pd.DataFrame({"row": tested[int(one)]}),
        )
        names = ",".join(f'"{place}"' for place in range(len(tested)))
        known = {"calibration/species_temperature": 0.5, "test/loss": 1.0}
        return Folds(tmp_path, tested, known, {"ensemble.members": f"[{names}]", **tags})

    return made


def test_each_row_belongs_to_the_member_that_tested_it(folds):
    found = OutOfFold.of(folds([[5, 1], [3, 0], [4, 2]]))
    assert found.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.holders.tolist() == [1, 0, 2, 1, 2, 0]
    assert found.temperatures == {"species": 0.5}
    np.testing.assert_array_equal(found.apart, ~np.eye(3, dtype=bool))


def test_rows_of_several_seeds_belong_to_the_first_member_and_not_to_its_repeats(folds):
    found = OutOfFold.of(folds([[0, 1], [2, 3], [0, 1], [2, 3]]))
    assert found.holders.tolist() == [0, 0, 1, 1]
    assert found.apart[0].tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("tested", "splits", "members", "expected"),
    [
        ("once", "[]", True, True),
        ("fixed", '["test"]', True, False),
        ("once", '["test"]', True, False),  # seeds of one fold
        ("once", "[]", False, False),  # no scores of held-out rows
    ],
)
def test_only_folds_that_test_other_rows_each_are_evaluated_so(folds, tested, splits, members, expected):
    run = folds([[0], [1]], **{"ensemble.splits": splits})
    cfg = SimpleNamespace(data={"split": {"tested": tested}})
    assert each_row_once(run, SimpleNamespace(cfg=cfg, member_targets=[{}] if members else [])) is expected


def drawn(method, seed):
    """A finished run of folds, its outputs for the rows that they tested, labels, and who tested them."""
    rng = np.random.default_rng(seed)
    holders = rng.permutation(np.repeat(np.arange(MODELS), OF_EACH))
    labels, outputs = DRAWS[method](rng, len(holders))
    each = [shifted(method, outputs, shift) for shift in rng.normal(size=MODELS)]
    scored = []
    for place, of_model in enumerate(each):
        at = holders == place
        scored.append(Calibration.of(LEVEL, {"a": method}, {"a": labels[at]}, {"a": of_model[at]}))
    kind = "number" if method in OF_NUMBERS else "binary" if method == "yes_no" else "category"
    names = [str(code) for code in range(outputs.shape[1])]
    units = 2 if method == "residual" else 1
    target = SimpleNamespace(kind=kind, names=names, units=units, scaled=same, present=same)
    finished = SimpleNamespace(
        calibration=CrossCalibration(scored, disjoint=True),
        member_targets=[{"a": target}] * MODELS,
        columns={"a": SimpleNamespace(names=names)},
        model=SimpleNamespace(get_layer=lambda name: same),
    )
    held = np.stack(each)[holders, np.arange(len(holders))]
    found = Outputs({}, {}, [{"a": of_model} for of_model in each])
    return finished, found, Outputs({"a": held}, {"a": held}), labels, holders


@pytest.mark.parametrize("method", METHODS)
def test_sets_and_intervals_hold_the_rows_that_they_were_not_fitted_on(method, monkeypatch):
    monkeypatch.setattr("pipeline.conformal.cross.HALVINGS", 12)
    shares = []
    for seed in range(8):
        finished, found, own, labels, holders = drawn(method, seed)
        held_out = OutOfFold(np.arange(len(holders)), holders, ~np.eye(MODELS, dtype=bool), {})
        shares.append(np.nanmean(held_out.regions(finished, found, own)["a"].covered(labels)))
    assert np.mean(shares) > LEVEL - 0.03
    assert np.mean(shares) < LEVEL + (0.08 if method in ("ordered", "yes_no") else 0.03)


def test_each_row_has_the_interval_of_its_own_member():
    finished, found, own, _, holders = drawn("residual", 0)
    held_out = OutOfFold(np.arange(len(holders)), holders, ~np.eye(MODELS, dtype=bool), {})
    region = held_out.regions(finished, found, own)["a"]
    np.testing.assert_allclose((region.low + region.high) / 2, own.raw["a"], atol=1e-5)
    for place in range(MODELS):
        others = [one for k, one in enumerate(finished.calibration.members) if k != place]
        for column in range(2):
            pooled = np.sort(np.concatenate([one.scores["a"][column] for one in others]))
            width = (region.high - region.low)[holders == place, column] / 2
            np.testing.assert_allclose(width, pooled[89], atol=1e-5)  # of 99, at a level of 0.9
