"""Split conformal prediction: sets of classes, and intervals, that hold the truth with a given probability.

The method (Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World; introduced by
Angelopoulos and Bates 2021, arXiv:2107.07511): a score says how badly an output fits a label. On calibration
rows, which the training has not used, the scores of the true labels are sorted; the ceil((n + 1) level)-th
smallest is the threshold. A new row's set has all labels whose score is at most the threshold. Whatever the
model, a set holds the truth with a probability of at least `level`, if the new rows are like the calibration
rows. This is a promise for all rows together, not for every class or slice.

methods       the scores and the sets of each kind of head
columns       sets and intervals as columns of a table
calibration   the calibration rows' scores, and what follows at a level
cross         the same for several models together
"""

from pipeline.conformal.calibration import Calibration, fewest_rows, threshold
from pipeline.conformal.cross import CrossCalibration, MemberOutputs
from pipeline.conformal.methods import METHODS, Region, coverage_metrics, method_of

__all__ = [
    "METHODS",
    "Calibration",
    "CrossCalibration",
    "MemberOutputs",
    "Region",
    "coverage_metrics",
    "fewest_rows",
    "method_of",
    "threshold",
]
