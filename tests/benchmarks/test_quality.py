"""The benchmark of quality: skills, references and the table."""

import json

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.quality_data import FRACTIONS, wine
from benchmarks.quality_references import predict


def test_the_skill_of_the_best_constant_is_0_and_of_the_truth_1():
    classes = np.array([0, 1, 1, -1])
    shares = np.tile([1 / 3, 2 / 3], (4, 1))
    assert quality.relative_losses(classes, classes, shares, logarithmic=False).mean() == pytest.approx(1)
    sure = np.eye(2)[np.maximum(classes, 0)]
    assert quality.relative_losses(classes, classes, sure, logarithmic=False).mean() == pytest.approx(0)
    numbers = np.array([[1.0], [2.0], [6.0], [np.nan]])
    constant = np.full((4, 1), 3.0)
    assert quality.relative_losses(numbers, numbers, constant, logarithmic=False).mean() == pytest.approx(1)
    assert quality.relative_losses(numbers, numbers, numbers, logarithmic=False).mean() == 0


def test_the_losses_of_skewed_numbers_are_those_of_their_logarithm():
    numbers = np.array([[0.0], [9.0], [99.0]])
    tenfold = np.array([[9.0], [99.0], [999.0]])
    losses = quality.relative_losses(numbers, numbers, tenfold, logarithmic=True)
    np.testing.assert_allclose(losses, losses[0])


def test_the_error_of_a_difference_comes_from_rows_and_seeds():
    reference = np.array([1.0, 0.5, 0.0, 0.5])
    better = reference - 0.25
    same_rows = quality.head_record("d", "h", [better, better], reference, "linear", seconds=1.0)
    assert (same_rows["difference"], same_rows["error"]) == (pytest.approx(0.25), pytest.approx(0))
    seeds = quality.head_record("d", "h", [better, better - 0.1], reference, "linear", seconds=1.0)
    assert seeds["error"] == pytest.approx(0.05)


@pytest.mark.slow
def test_the_reference_is_the_model_that_is_best_on_the_validation_rows():
    rng = np.random.default_rng(0)
    x = {split: rng.normal(size=(200, 3)) for split in ("train", "val", "test")}
    straight = {split: values @ [1.0, 2.0, 3.0] for split, values in x.items()}
    assert predict(x, x, straight, None, quality.row_losses)[1] == "linear"
    bent = {split: np.abs(values[:, 0]) for split, values in x.items()}
    outputs, name = predict(x, x, bent, None, quality.row_losses)
    assert name == "boosting"
    assert np.mean((outputs - bent["test"]) ** 2) < 0.2 * bent["test"].var()


def test_every_version_and_seed_has_the_same_rows():
    splits = [wine().sources["d"]["split"] for _ in range(2)]
    np.testing.assert_array_equal(*splits)
    np.testing.assert_allclose(np.bincount(splits[0]) / len(splits[0]), FRACTIONS, atol=0.01)


@pytest.mark.slow
def test_a_data_set_is_trained_and_its_heads_are_in_the_table(tmp_path):
    records = quality.measure("linnerud", range(2), ["trainer.epochs=2"])
    assert [(record["head"], record["rows"]) for record in records] == [
        ("weight", 4),
        ("waist", 4),
        ("pulse", 4),
    ]
    path = tmp_path / "after.json"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    before = [{**records[0], "skill": 0.125}]
    lines = quality.table([before, quality.load(path)]).splitlines()
    assert lines[2].startswith(f"| linnerud: weight | 4 | 0.125 | {records[0]['skill']:.3f} |")
    assert lines[3].startswith("| linnerud: waist | 4 |  |")
    assert lines[-1].startswith("3 heads: mean difference ")
