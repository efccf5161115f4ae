"""Insight: which head updates which branch, and what each branch contributes to each head.

flow            each head's gradients on a fixed sample of training rows, the probe, once per epoch
numbers         metrics of these gradients
contribution    how much each head loses without a branch's input, once after the training
sentences       both, as a few sentences
section         both, as a section of the report
settings        the config

Insight does not affect training: it has its own random state and graph.
"""

from pipeline.insight.contribution import Contribution, contribution_metrics, contributions
from pipeline.insight.flow import Probe
from pipeline.insight.section import insight_section
from pipeline.insight.sentences import sentences
from pipeline.insight.settings import Insight

__all__ = [
    "Contribution",
    "Insight",
    "Probe",
    "contribution_metrics",
    "contributions",
    "insight_section",
    "sentences",
]
