"""Dates, times of day and durations as numbers: elapsed time, the year, and the parts of a cycle."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from pipeline.data.kinds.scaling import Scale, Statistics, scale_of
from pipeline.errors import ConfigError
from pipeline.times import DAY, MOMENT, TIME_OF_DAY

Parts = dict[str, Any]
# Part of a cycle -> how many units a cycle has; it becomes a sine and a cosine.
CYCLES = {"month": 12.0, "day": 31.0, "weekday": 7.0, "hour": 24.0}


def calendar(seconds: Any) -> Parts:
    """Year, month, day, weekday (Monday is 0) and hour (with its fraction) of seconds since 1970, in UTC.

    The days are counted as in Howard Hinnant, "chrono-compatible low-level date algorithms", 2013.

    Args:
        seconds: float64, a tensor or an array.
    """
    days = ops.floor(seconds / DAY)
    since_march_0 = days + 719468.0
    era = ops.floor(since_march_0 / 146097.0)  # of 400 years
    day_of_era = since_march_0 - era * 146097.0
    leap_days = (
        ops.floor(day_of_era / 1460.0) - ops.floor(day_of_era / 36524.0) + ops.floor(day_of_era / 146096.0)
    )
    year_of_era = ops.floor((day_of_era - leap_days) / 365.0)
    day_of_year = day_of_era - (
        365.0 * year_of_era + ops.floor(year_of_era / 4.0) - ops.floor(year_of_era / 100.0)
    )
    month_from_march = ops.floor((5.0 * day_of_year + 2.0) / 153.0)
    month = month_from_march + 3.0 - 12.0 * ops.cast(month_from_march >= 10.0, "float64")
    return {
        "year": year_of_era + era * 400.0 + ops.cast(month <= 2.0, "float64"),
        "month": month,
        "day": day_of_year - ops.floor((153.0 * month_from_march + 2.0) / 5.0) + 1.0,
        "weekday": ops.mod(days + 3.0, 7.0),
        "hour": (seconds - days * DAY) / 3600.0,
    }


def clock(seconds: Any) -> Parts:
    """The hour of seconds since midnight."""
    return {"hour": seconds / 3600.0}


PARTS: dict[str, Callable[[Any], Parts]] = {MOMENT: calendar, TIME_OF_DAY: clock}


@dataclass(frozen=True)
class Dates:
    """One column of times, as it is prepared.

    Args:
        kind: see `pipeline.times.TimeForm`.
        cycles: the parts, keys of `CYCLES`, that vary in the training rows.
        scales: of the elapsed time and, if it varies, of the year.
        gap: whether a training row has no time.
    """

    kind: str
    cycles: tuple[str, ...]
    scales: dict[str, Scale]
    gap: bool

    @classmethod
    def of(cls, seconds: np.ndarray, kind: str, scale: str, *, column: str, key: str) -> "Dates":
        """Learns from the seconds (rows,) of the training rows, NaN = missing.

        Raises:
            ConfigError: no training row has a time.
        """
        present = seconds[~np.isnan(seconds)]
        if not len(present):
            problem = "no training row has a value in this column"
            raise ConfigError(key, problem, found=column, allowed="one value or more")
        parts = {name: np.asarray(values) for name, values in PARTS.get(kind, _no_parts)(present).items()}
        varying = [name for name, values in parts.items() if values.min() < values.max()]
        numbers = {"elapsed": present} | {name: parts[name] for name in varying if name not in CYCLES}
        scale = "standard" if scale == "none" else scale  # seconds since 1970 are too large to learn from
        return cls(
            kind,
            tuple(name for name in varying if name in CYCLES),
            {name: scale_of(Statistics.of([values[:, None]]), scale) for name, values in numbers.items()},
            len(present) < len(seconds),
        )

    @property
    def names(self) -> list[str]:
        """The names of the prepared columns."""
        waves = [f"{name} {wave}" for name in self.cycles for wave in ("sine", "cosine")]
        return [*self.scales, *waves, *(["missing"] if self.gap else [])]

    def prepare(self, tensor: KerasTensor) -> KerasTensor:
        """Seconds (rows,) float64 -> (rows, names) float32; 0 where the time is missing."""
        missing = ops.isnan(tensor)
        seconds = ops.where(missing, 0.0, tensor)
        parts = {"elapsed": seconds} | PARTS.get(self.kind, _no_parts)(seconds)
        columns = [scale(ops.expand_dims(parts[name], -1)) for name, scale in self.scales.items()]
        for name in self.cycles:
            # Months and days count from 1, which only turns the circle.
            angle = ops.expand_dims(parts[name] * (2 * np.pi / CYCLES[name]), -1)
            columns += [ops.cast(wave, "float32") for wave in (ops.sin(angle), ops.cos(angle))]
        gone = ops.expand_dims(missing, -1)
        columns = [ops.where(gone, 0.0, column) for column in columns]
        return keras.ops.concatenate([*columns, *([ops.cast(gone, "float32")] if self.gap else [])], axis=-1)


def _no_parts(seconds: Any) -> Parts:
    return {}
