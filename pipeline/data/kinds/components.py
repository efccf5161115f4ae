"""Principal components of columns that say nearly the same, such as the wavelengths of a spectrum.

What such columns share is large, and what tells them apart is small: in spectra of meat, the first component
has 98 % of the variance, and water, fat and protein show in the others. Training follows the large directions
first. The components have a variance of 1 each, so that it follows all of them.
"""

import logging
from dataclasses import dataclass

import keras
import numpy as np
from keras import KerasTensor

# Columns say nearly the same if a tenth as many components as columns have nearly all of their variance.
FEW, NEARLY_ALL = 0.1, 0.95
SMALLEST = 1e-4  # variance of a component in units of a column's; smaller ones are noise of the measurement
ROWS_PER_COMPONENT = 10  # training rows that a component needs at least
MOST_COLUMNS = 1000  # of which components are computed
MOST_ROWS = 10_000  # that they are computed from

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Components:
    """Components of scaled columns; `centre` is (columns,), `weights` (columns, components), both float32."""

    centre: np.ndarray
    weights: np.ndarray

    def __call__(self, scaled: KerasTensor) -> KerasTensor:
        """(rows, columns) float32 -> (rows, components), each with variance 1 on the training rows."""
        return keras.ops.matmul(scaled - self.centre, self.weights)


def components_of(scaled: np.ndarray, key: str) -> Components | None:
    """The components of scaled training rows if their columns say nearly the same, which is logged; or None.

    Args:
        scaled: (rows, columns), NaN = missing; rows with missing cells are left out, because their medians
            would be components of their own.
        key: the config key of the input, for the message.
    """
    columns = scaled.shape[1]
    few = int(columns * FEW)
    if not few or columns > MOST_COLUMNS:
        return None
    rows = scaled[:: max(1, len(scaled) // MOST_ROWS)].astype(np.float64)
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < ROWS_PER_COMPONENT:
        return None
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = (rows - centre) / spread
    covariance = standard.T @ standard / len(rows)
    variances, directions = np.linalg.eigh(covariance)
    if variances[-few:].sum() < NEARLY_ALL * variances.sum():
        return None
    kept = np.flatnonzero(variances >= SMALLEST)[::-1][: len(rows) // ROWS_PER_COMPONENT]
    if not len(kept):
        return None
    logger.warning(
        "%s: the %d columns say nearly the same; %d principal components are added, which tell them apart "
        "(scale: robust adds none)",
        *(key, columns, len(kept)),
    )
    weights = directions[:, kept] / np.sqrt(variances[kept]) / spread[:, None]
    return Components(centre.astype(np.float32), weights.astype(np.float32))
