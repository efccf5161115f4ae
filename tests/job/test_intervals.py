"""Sets and intervals of a run: for every kind of head, with their words when rows are few."""

import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.heads import Binary, Multilabel, Ordinal, Quantiles, Regression
from pipeline.job.interval_section import NONE, interval_section, wilson
from pipeline.job.intervals import fit_intervals
from pipeline.losses import Pinball

KINDS = {"size": "category", "late": "binary", "tags": "labels", "delay": "number", "range": "number"}
NAMES = {
    "size": ["s", "m", "l"],
    "late": ["late"],
    "tags": ["x", "y"],
    "delay": ["delay"],
    "range": ["range"],
}


def softmax(values):
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def drawn(rng, rows):
    """Labels and outputs of every kind of head."""
    score = rng.normal(size=(rows, 3))
    p, tags = rng.uniform(size=(rows, 1)), rng.uniform(size=(rows, 2))
    number = rng.normal(size=(rows, 1))
    outputs = {
        "size": softmax(score),
        "late": p,
        "tags": tags,
        "delay": number,
        "range": number + np.array([[-1.0, 0, 1]]),
    }
    labels = {
        "size": np.array([rng.choice(3, p=one) for one in softmax(score)]),
        "late": (rng.uniform(size=p.shape) < p).astype(float),
        "tags": (rng.uniform(size=tags.shape) < tags).astype(float),
        "delay": number + rng.normal(size=number.shape),
        "range": number + rng.normal(size=number.shape),
    }
    return labels, outputs


def made(rows, level=0.9):
    """A job with so many calibration rows, and its epochs."""
    rng, loss = np.random.default_rng(0), SimpleNamespace()
    quantiles = [0.1, 0.5, 0.9]
    heads = {
        "size": Ordinal(loss=loss),
        "late": Binary(loss=loss),
        "tags": Multilabel(loss=loss),
        "delay": Regression(loss=loss),
        "range": Quantiles(loss=Pinball(quantiles=quantiles), quantiles=quantiles),
    }
    by_split = {"calibration": drawn(rng, rows), "test": drawn(rng, 400)}

    def present(raw):
        return {head: values * (10.0 if KINDS[head] == "number" else 1.0) for head, values in raw.items()}

    job = SimpleNamespace(
        heads=heads,
        level=level,
        presenter=present,
        dataset=SimpleNamespace(
            targets={head: SimpleNamespace(kind=KINDS[head], names=NAMES[head]) for head in heads},
            splits={split: SimpleNamespace(labels=labels) for split, (labels, _) in by_split.items()},
        ),
        references={
            split: {head: SimpleNamespace(labels=values) for head, values in present(labels).items()}
            for split, (labels, _) in by_split.items()
        },
    )
    epochs = {
        split: SimpleNamespace(raw=outputs, outputs=present(outputs))
        for split, (_, outputs) in by_split.items()
    }
    return job, epochs


def test_every_kind_of_head_has_a_coverage_near_the_level_and_a_size():
    job, epochs = made(500)
    found = fit_intervals(job, epochs)
    words = {"size": "set_size", "late": "set_size", "tags": "set_size"}
    words |= {"delay": "interval_width", "range": "interval_width"}
    for head, word in words.items():
        coverage = "interval_coverage" if head == "range" else "coverage"
        assert found.metrics[f"test/{head}_{coverage}"] == pytest.approx(0.9, abs=0.06), head
        assert found.metrics[f"test/{head}_{word}"] > 1, head
    assert len(found.metrics) == 10
    assert "delay " in found.sentences[0]
    # In the unit of the labels: ten times 1.645 standard deviations to each side.
    assert found.metrics["test/delay_interval_width"] == pytest.approx(33, rel=0.15)


def test_the_report_has_the_coverage_of_every_head_class_and_range_of_predictions():
    job, epochs = made(500)
    results = SimpleNamespace(intervals=fit_intervals(job, epochs), epochs=epochs)
    section = interval_section(job, results)
    assert set(section.figures) == {"coverage"}
    assert [row[0] for row in section.tables["intervals"].rows] == list(KINDS)
    groups = {head: [row[0] for row in section.tables[f"coverage_{head}"].rows] for head in KINDS}
    assert groups["size"] == ["all", "l", "m", "s"]
    assert groups["late"] == ["all", "no", "yes"]
    assert groups["tags"] == ["all", "x no", "x yes", "y no", "y yes"]
    assert len(groups["delay"]) == 6
    for head in KINDS:
        whole, *parts = section.tables[f"coverage_{head}"].rows
        per_label = 2 if head == "tags" else 1
        assert sum(row[1] for row in parts) == whole[1] * per_label
        assert np.average([row[2] for row in parts], weights=[row[1] for row in parts]) == pytest.approx(
            whole[2]
        )
    assert "90 %" in section.paragraphs[0]


def test_too_few_rows_are_told_and_leave_a_head_without_sets(caplog):
    job, epochs = made(8)
    with caplog.at_level(logging.WARNING):
        found = fit_intervals(job, epochs)
    assert found.calibration.heads == []
    assert not found.metrics
    assert not found.sentences
    assert (
        "head delay has no sets or intervals: a level of 0.9 needs 9 labelled calibration rows" in caplog.text
    )
    section = interval_section(job, SimpleNamespace(intervals=found, epochs=epochs))
    assert not section.figures
    assert "Head delay has too few calibration rows (8) for this level." in section.paragraphs
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert "delay" in fit_intervals(*made(30)).calibration.heads
    assert "with few calibration rows" in caplog.text
    assert re.search(r"delay \d\d to \d+ % \(30 rows\)", caplog.text)
    assert len(caplog.records) == 1  # for all heads together


def test_without_calibration_rows_there_are_none_and_the_report_says_how_to_get_them():
    job, epochs = made(30)
    del epochs["calibration"]
    assert fit_intervals(job, epochs) is None
    assert interval_section(job, SimpleNamespace(intervals=None)).paragraphs == [NONE]


def test_the_interval_of_a_share_stays_between_0_and_1():
    low, high = wilson(1.0, 20)
    assert 0.8 < low < 0.9
    assert high == 1.0
    assert wilson(0.5, 100) == pytest.approx((0.404, 0.596), abs=0.002)
