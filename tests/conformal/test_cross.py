"""Sets and intervals of several models together: how often they hold the truth, and what they are made of."""

import numpy as np
import pytest
from scipy.stats import binom

from pipeline.conformal import METHODS, Calibration, CrossCalibration, MemberOutputs, cross
from tests.conformal.test_conformal import DRAWS, LEVEL, region, same

MODELS, OF_EACH = 4, 25
OF_NUMBERS = [name for name, method in METHODS.items() if method.of_numbers]


def shifted(method, outputs, shift):
    """The outputs of a model that differs from that of the draw."""
    if method in OF_NUMBERS:
        return np.maximum(outputs * (1 + 0.05 * shift), 0.01) if method == "count" else outputs + 0.3 * shift
    odds = outputs ** np.exp(0.3 * shift)
    return odds / odds.sum(axis=1, keepdims=True) if method in ("classes", "ordered") else odds


def drawn(method, seed, models=MODELS, rows=OF_EACH, *, shared=False):
    """Return a calibration of several models, new labels, and the models' outputs for them."""
    rng = np.random.default_rng(seed)
    shifts, common = rng.normal(size=models), DRAWS[method](rng, rows)
    members = []
    for shift in shifts:
        labels, outputs = common if shared else DRAWS[method](rng, rows)
        scored = {"a": labels}, {"a": shifted(method, outputs, shift)}
        members.append(Calibration.of(LEVEL, {"a": method}, *scored))
    labels, outputs = DRAWS[method](rng, 20)
    each = [shifted(method, outputs, shift) for shift in shifts]
    return CrossCalibration(members, disjoint=not shared), labels, each


def joined(calibration, each):
    members = [MemberOutputs({"a": one}, {"a": same}) for one in each]
    mean = {"a": np.mean(each, axis=0)}
    return calibration.regions(members, mean, mean, same)["a"]


@pytest.mark.parametrize(
    ("method", "shared"), [*((name, False) for name in METHODS), ("classes", True), ("residual", True)]
)
def test_the_coverage_over_200_draws_is_within_its_binomial_interval(method, shared, monkeypatch):
    monkeypatch.setattr(cross, "HALVINGS", 12)  # ends are as exact as this asks for
    inside = 0.0
    for seed in range(200):
        rows = 99 if shared else OF_EACH
        calibration, labels, each = drawn(method, seed, rows=rows, shared=shared)
        inside += float(joined(calibration, each).covered(labels)[0])
    low, high = binom.interval(0.99, 200, LEVEL)
    assert low <= inside
    assert inside <= high or method in ("ordered", "yes_no")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_one_model_has_the_sets_of_split_conformal_prediction(method, shared):
    calibration, _, each = drawn(method, 0, models=1, rows=99, shared=shared)
    found, alone = joined(calibration, each), region(calibration.members[0], each[0])
    if alone.sets is not None:
        np.testing.assert_array_equal(found.sets, alone.sets)
    else:
        np.testing.assert_allclose(found.low, alone.low, atol=1e-6)
        np.testing.assert_allclose(found.high, alone.high, atol=1e-6)


def test_the_ends_of_an_interval_are_those_of_cv_plus():
    calibration, _, each = drawn("residual", 0)
    found = joined(calibration, each)
    for column in range(2):
        ends = [
            one[:, [column]] + sign * member.scores["a"][column]
            for sign in (-1, 1)
            for one, member in zip(each, calibration.members, strict=True)
        ]
        low, high = (np.sort(np.concatenate(of, axis=1), axis=1) for of in (ends[:MODELS], ends[MODELS:]))
        place = int(np.ceil(LEVEL * (MODELS * OF_EACH + 1))) - 1
        np.testing.assert_allclose(found.high[:, column], high[:, place], atol=1e-6)
        np.testing.assert_allclose(found.low[:, column], low[:, -1 - place], atol=1e-6)


def test_the_numbers_of_a_model_with_another_scale_are_converted():
    calibration, _, each = drawn("residual", 0)
    other = Calibration(
        LEVEL, {"a": "residual"}, {"a": [10 * scores for scores in calibration.members[1].scores["a"]]}
    )
    members = [MemberOutputs({"a": one}, {"a": same}) for one in each]
    members[1] = MemberOutputs({"a": 10 * each[1] + 5}, {"a": lambda numbers: 10 * numbers + 5})
    mean = {"a": np.mean(each, axis=0)}
    others = [calibration.members[0], other, *calibration.members[2:]]
    found = CrossCalibration(others, disjoint=True).regions(members, mean, mean, same)["a"]
    np.testing.assert_allclose(found.high, joined(calibration, each).high, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_sets_and_intervals_hold_what_the_ensemble_predicts(method):
    calibration, _, each = drawn(method, 0)
    mean = np.mean(each, axis=0)
    found = joined(calibration, each)
    if found.sets is not None:
        assert found.sets[np.arange(len(mean)), mean.argmax(axis=1)].all()
    elif method in OF_NUMBERS:
        point = mean[:, 1:2] if method == "quantiles" else mean
        assert ((found.low <= point) & (point <= found.high)).all()


def test_rare_values_are_counted_over_all_models():
    labels, outputs = np.zeros((23, 1)), np.full((23, 1), 0.1)
    labels[:3] = 1
    member = Calibration.of(LEVEL, {"a": "yes_no"}, {"a": labels}, {"a": outputs})
    apart = CrossCalibration([member] * 3, disjoint=True)
    assert apart.rows("a") == 9
    assert CrossCalibration([member] * 3, disjoint=False).rows("a") == 3
    few = Calibration.of(LEVEL, {"a": "yes_no"}, {"a": labels[:2]}, {"a": outputs[:2]})
    assert CrossCalibration([few] * 3, disjoint=True).too_few("a")
    assert not apart.too_few("a")


def test_it_is_the_same_after_a_file_and_at_another_level():
    calibration, _, each = drawn("residual", 0)
    again = CrossCalibration.from_facts(calibration.facts())
    np.testing.assert_array_equal(joined(again, each).high, joined(calibration, each).high)
    narrow = CrossCalibration.from_facts(calibration.facts(), 0.5)
    assert (joined(narrow, each).high < joined(calibration, each).high).all()


def test_the_worst_case_is_that_of_the_theorem():
    calibration, *_ = drawn("residual", 0)
    smaller = min(2 * 0.75 / (OF_EACH + 1), (1 - MODELS / 100) / (MODELS + 1))
    assert calibration.surely() == pytest.approx(0.8 - smaller)
    assert drawn("residual", 0, shared=True)[0].surely() == pytest.approx(0.8)
