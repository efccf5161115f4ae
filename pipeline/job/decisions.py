"""Chooses the thresholds of yes and no heads on the validation rows."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from pipeline.job.job import Job
from pipeline.page.style import number
from pipeline.thresholds import DEFAULT, choose, sentence
from pipeline.training.epoch import Epoch
from pipeline.training.measure import Reference

logger = logging.getLogger(__name__)
Thresholds = dict[str, list[float]]  # head -> the threshold of each column
SHOWN = 4  # labels of a head in a sentence


def choose_thresholds(job: Job, epoch: Epoch) -> Thresholds:
    """Return the thresholds of the heads that have the option `threshold`, chosen on the validation rows.

    Args:
        epoch: the evaluation of the kept weights on the validation rows.
    """
    thresholds = {}
    for name, head in job.heads.items():
        if (rule := getattr(head, "threshold", None)) is None:
            continue
        labels, columns = job.dataset.splits["val"].labels[name], job.dataset.targets[name].names
        chosen = [
            choose(rule, truth, probability)
            for truth, probability in zip(labels.T, epoch.outputs[name].T, strict=True)
        ]
        undecided = [column for column, one in zip(columns, chosen, strict=True) if one is None]
        if undecided:
            logger.warning(
                "heads.%s.threshold: no validation row is yes, or none is no, for %s: the threshold stays %g",
                *(name, ", ".join(undecided), DEFAULT),
            )
        thresholds[name] = [DEFAULT if one is None else one for one in chosen]
    return thresholds


def with_thresholds(
    references: Mapping[str, Mapping[str, Reference]], thresholds: Thresholds
) -> dict[str, dict[str, Reference]]:
    """Return the references by split and head, with these thresholds."""
    return {
        split: {name: replace(one, thresholds=thresholds.get(name, ())) for name, one in of_split.items()}
        for split, of_split in references.items()
    }


def threshold_sentences(job: Job, thresholds: Thresholds) -> list[str]:
    """Return a sentence per head: its thresholds, and how they were chosen."""
    sentences = []
    for name, values in thresholds.items():
        columns = job.dataset.targets[name].names
        shown = [f"{column} {number(value)}" for column, value in zip(columns, values, strict=True)]
        listed = ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")
        what = number(values[0]) if len(values) == 1 else listed
        how = sentence(getattr(job.heads[name], "threshold", None))
        sentences.append(f"{name} is yes above a probability of {what}: {how}")
    return sentences
