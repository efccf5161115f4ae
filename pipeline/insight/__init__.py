"""What the losses do to the branches, and what the branches give to the heads: numbers, pictures and words.

flow            gradients of every head on a fixed probe of training rows, once an epoch
contribution    what every head loses when a branch's input is taken from it, once at the end
sentences       both, as a few sentences
section         both, as a section of the report

Nothing here changes a number of the training: no random state is drawn from, no graph of it is touched.
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
