"""The thresholds of yes and no heads, chosen on the validation rows."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.heads import Binary, Multilabel
from pipeline.job.decisions import choose_thresholds, threshold_sentences, with_thresholds
from pipeline.thresholds import choose
from pipeline.training.measure import Reference, _metrics

LOSS = SimpleNamespace()
NAMES = {"late": ["late"], "tags": ["x", "y"], "other": ["other"]}


def made(**rules):
    """A job with the validation labels and probabilities of a binary and a labels head."""
    rng = np.random.default_rng(0)
    p = {
        "late": rng.uniform(size=(90, 1)),
        "tags": rng.uniform(size=(90, 2)),
        "other": rng.uniform(size=(90, 1)),
    }
    labels = {head: (rng.uniform(size=values.shape) < values**2).astype(float) for head, values in p.items()}
    heads = {"late": Binary, "tags": Multilabel, "other": Binary}
    job = SimpleNamespace(
        heads={head: of(loss=LOSS, threshold=rules.get(head)) for head, of in heads.items()},
        dataset=SimpleNamespace(
            splits={"val": SimpleNamespace(labels=labels)},
            targets={head: SimpleNamespace(names=NAMES[head]) for head in heads},
        ),
    )
    return job, SimpleNamespace(outputs=p), labels


def test_every_column_has_its_own_threshold_and_heads_without_the_option_none():
    job, epoch, labels = made(late={"recall": 0.9}, tags="f1")
    found = choose_thresholds(job, epoch)
    assert found == {
        "late": [choose({"recall": 0.9}, labels["late"][:, 0], epoch.outputs["late"][:, 0])],
        "tags": [choose("f1", labels["tags"][:, i], epoch.outputs["tags"][:, i]) for i in (0, 1)],
    }
    first, second = threshold_sentences(job, found)
    assert "finds 90 % of the validation rows that are yes" in first
    assert "x 0." in second
    assert "y 0." in second


def test_accuracy_and_f1_are_those_at_the_thresholds_and_ranks_do_not_change():
    job, epoch, labels = made(tags={"cost": 20})
    found = choose_thresholds(job, epoch)
    words = ["accuracy", "f1", "auc", "ap"]
    plain = {"val": {"tags": Reference("labels", labels["tags"], words, [], 1.0)}}
    changed = with_thresholds(plain, found)["val"]["tags"]
    before, after = (
        dict(_metrics(one, labels["tags"], epoch.outputs["tags"])) for one in (plain["val"]["tags"], changed)
    )
    said = epoch.outputs["tags"] > found["tags"]
    assert after["accuracy"] == pytest.approx(np.mean(said == labels["tags"]))
    assert after["accuracy"] != before["accuracy"]
    assert (after["auc"], after["ap"]) == (before["auc"], before["ap"])


def test_a_column_whose_validation_rows_cannot_tell_keeps_the_default_and_says_so(caplog):
    job, epoch, labels = made(tags="f1")
    labels["tags"][:, 1] = 0
    with caplog.at_level(logging.WARNING):
        found = choose_thresholds(job, epoch)
    assert found["tags"][1] == 0.5
    assert (
        "heads.tags.threshold: no validation row is yes, or none is no, for y: the threshold stays"
        in caplog.text
    )
