"""The metrics of a model on labelled rows, with bootstrap intervals over the rows."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np

from pipeline.comparison.bootstrap import Interval, interval
from pipeline.conformal import Calibration, CrossCalibration, Region, coverage_metrics
from pipeline.metric_names import AT_MOST_ONE, Scores
from pipeline.training.epoch import Epoch
from pipeline.training.measure import Reference, measure

CONFIDENCE = 0.95
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a model made of labelled rows.

    Args:
        references: head -> its labels, and how it is measured.
        epoch: losses and outputs.
        row_losses: head -> (rows,), NaN for rows without a label.
        row_baseline_losses: the same for the best constant prediction for the training rows.
        regions: head -> sets or intervals, of the heads that have any.
        calibration: what they come from.
        units: (rows,) numbers of what the rows belong to, whose rows are resampled together; None: each row
            stands alone.
    """

    references: Mapping[str, Reference]
    epoch: Epoch
    row_losses: dict[str, np.ndarray]
    row_baseline_losses: dict[str, np.ndarray]
    regions: Mapping[str, Region] = field(default_factory=dict)
    calibration: Calibration | CrossCalibration | None = None
    units: np.ndarray | None = None

    @cached_property
    def held(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Head -> the share of each row's labels inside its set or interval, and the size of it."""
        return {
            head: (region.covered(self.references[head].labels), region.sizes())
            for head, region in self.regions.items()
        }

    def scores(self, positions: np.ndarray | None = None) -> Scores:
        """Compute the metrics of the rows at these positions, or of all rows; undefined ones are absent."""
        epoch, references = self.epoch, self.references
        if positions is not None:
            losses = {head: _mean(losses[positions]) for head, losses in self.row_losses.items()}
            epoch = replace(
                epoch,
                losses={head: loss for head, loss in losses.items() if loss is not None},
                outputs={head: values[positions] for head, values in epoch.outputs.items()},
                order=positions,
            )
            references = {
                head: replace(one, baseline_loss=_mean(self.row_baseline_losses[head][positions]))
                for head, one in references.items()
            }
        scores = measure("rows", epoch, references, dict.fromkeys(references, 1.0))
        for head, (covered, sizes) in self.held.items():
            if head in scores.heads and self.calibration:
                at = slice(None) if positions is None else positions
                method = self.calibration.methods[head]
                scores.heads[head].update(coverage_metrics(method, covered[at], sizes[at]))
        return scores

    def metrics(self, positions: np.ndarray | None = None) -> dict[str, float]:
        """Return `<head>_<word>` -> value, as `scores` does."""
        scores = self.scores(positions)
        # Combined losses depend on the loss weights, which describe the training and not the model's quality.
        combined = {word: value for word, value in scores.combined.items() if not word.startswith("loss")}
        return {
            name.removeprefix("rows/"): value
            for name, value in replace(scores, combined=combined).named("rows").items()
        }

    def intervals(self, resamples: int, seed: int = 0) -> dict[str, Interval]:
        """Return every metric with its 95 % bootstrap interval; its bounds are NaN without resamples."""
        rows = np.arange(len(self.epoch.order))
        return _intervals(self.metrics, rows, self.metrics(), resamples, seed, units=self.units)

    def head_intervals(
        self, resamples: int, positions: np.ndarray, seed: int = 0, size: int | None = None
    ) -> dict[str, dict[str, Interval]]:
        """Return head -> word -> metric of the rows at these positions, as `intervals` does.

        Args:
            size: rows of a resample; None: as many as there are.
        """

        def flat(rows: np.ndarray) -> dict[tuple[str, str], float]:
            heads = self.scores(rows).heads
            return {(head, word): value for head, words in heads.items() for word, value in words.items()}

        units = None if self.units is None else self.units[positions]
        found: dict[str, dict[str, Interval]] = {}
        for (head, word), one in _intervals(
            flat, positions, flat(positions), resamples, seed, size, units
        ).items():
            found.setdefault(head, {})[word] = one
        return found


def _intervals(
    measured: Callable[[np.ndarray], dict[Key, float]],
    positions: np.ndarray,
    values: dict[Key, float],
    resamples: int,
    seed: int,
    size: int | None = None,
    units: np.ndarray | None = None,
) -> dict[Key, Interval]:
    """Return the values, each with the interval of what is measured on resamples of these rows.

    The spread over resamples of fewer rows is made smaller by the root of their share, as that of estimates
    falls with the root of the rows: the m out of n bootstrap (Bickel, Götze and van Zwet 1997, "Resampling
    fewer than n observations").
    """
    rng, rows = np.random.default_rng(seed), len(positions)
    size = rows if size is None else size
    draw = partial(rng.integers, 0, rows, size) if units is None else _drawn_by_unit(units, size / rows, rng)
    samples = [measured(positions[draw()]) for _ in range(resamples)]
    if not resamples:
        return {name: Interval(value, np.nan, np.nan) for name, value in values.items()}
    found = {}
    for name, value in values.items():
        drawn = np.array([sample.get(name, np.nan) for sample in samples])
        found[name] = _capped(name, centred_interval(value, drawn, float(np.sqrt(size / rows))))
    return found


def _drawn_by_unit(units: np.ndarray, share: float, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Return a function that draws a share of the units, and all rows of each: the cluster bootstrap.

    Davison and Hinkley 1997, Bootstrap methods and their application, section 3.8.
    """
    rows = np.argsort(units, kind="stable")
    pieces = np.split(rows, np.flatnonzero(np.diff(units[rows])) + 1)

    def draw() -> np.ndarray:
        chosen = rng.integers(0, len(pieces), max(1, round(share * len(pieces))))
        return np.concatenate([pieces[place] for place in chosen])

    return draw


def _capped(name: object, one: Interval) -> Interval:
    """Return an interval that ends at 1 if the metric does."""
    word = str(name[-1] if isinstance(name, tuple) else name)
    return one._replace(high=min(one.high, 1.0)) if word.split("_")[-1] in AT_MOST_ONE else one


def centred_interval(value: float, samples: np.ndarray, scale: float = 1.0) -> Interval:
    """Return the percentile interval minus the bootstrap's bias (Efron and Tibshirani 1993, chapter 10).

    Resamples repeat rows, which makes calibration look worse than it is; without this correction the interval
    may not contain the value.

    Args:
        scale: factor of the samples' spread.
    """
    centred = interval(value, scale * (samples - np.nanmean(samples)) + value, CONFIDENCE)
    return centred._replace(low=max(centred.low, 0.0)) if (samples >= 0).all() else centred


def _mean(losses: np.ndarray) -> float | None:
    labelled = losses[~np.isnan(losses)]
    return float(labelled.mean()) if len(labelled) else None
