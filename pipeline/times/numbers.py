"""Numbers that are dates: Unix times, Julian days, years, and digits such as 20240531."""

from typing import Any

import numpy as np
import pandas as pd

DAY = 86400.0
# Numbers that are dates: unit -> seconds of one, and the number at 1970.
UNITS = {
    "s": (1.0, 0.0),
    "ms": (1e-3, 0.0),
    "us": (1e-6, 0.0),
    "ns": (1e-9, 0.0),
    "julian day": (DAY, 2440587.5),
    "excel day": (DAY, 25569.0),
}


def unit_of(values: np.ndarray) -> str | None:
    """What numbers stand for; None if they are no dates."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    whole, low, high = bool((values == np.floor(values)).all()), values.min(), np.abs(values).max()
    if (
        whole
        and low >= 1000_01_01
        and high <= 2999_12_31
        and not np.isnan(_of_digits(values, "yyyymmdd")).any()
    ):
        return "yyyymmdd"
    if whole and low >= 1000_01 and high <= 2999_12 and not np.isnan(_of_digits(values, "yyyymm")).any():
        return "yyyymm"
    if low >= 1000 and high < 3000:
        return "year" if whole else "decimal year"
    for unit, scale in (("yyyymmddhhmmss", 1e6), ("yyyymmddhhmm", 1e4)):
        if (
            whole
            and low >= 1900_01_01 * scale
            and high < 2200_01_01 * scale
            and not np.isnan(_of_digits(values, unit)).any()
        ):
            return unit
    if low >= 2_300_000 and high < 2_600_000:
        return "julian day"
    if low >= 10_000 and high < 100_000:
        return "excel day"
    return next(
        (unit for unit, least in (("ns", 1e17), ("us", 1e14), ("ms", 1e11), ("s", 1e8)) if high >= least),
        None,
    )


def of_numbers(values: np.ndarray, unit: str | None) -> np.ndarray:
    """Numbers (rows,) as seconds since 1970, NaN if they are no dates.

    Args:
        unit: see `pipeline.times.TimeForm`; None: their size tells.
    """
    unit = unit or unit_of(values)
    if unit is None:
        return np.full(len(values), np.nan)
    if unit in UNITS:
        size, start = UNITS[unit]
        return (values - start) * size
    if unit in ("year", "decimal year"):  # 2024.5 is the middle of 2024
        years = np.floor(values)
        first, last = _of_digits(years, "year"), _of_digits(years + 1, "year")
        return np.asarray(first + (values - years) * (last - first))
    return _of_digits(values, unit)


def _of_digits(values: np.ndarray, unit: str) -> np.ndarray:
    """Years, months or days that are written as whole numbers, such as 20240531."""
    whole = np.where(np.isnan(values) | (values != np.floor(values)), 0, values).astype(np.int64)
    texts = whole.astype(str)
    if unit == "year":
        texts = np.char.add(texts, "0101")
    elif unit == "yyyymm":
        texts = np.char.add(texts, "01")
    way = {"yyyymmddhhmmss": "%Y%m%d%H%M%S", "yyyymmddhhmm": "%Y%m%d%H%M"}.get(unit, "%Y%m%d")
    return since_1970(pd.to_datetime(pd.Series(texts), format=way, errors="coerce"))


def since_1970(moments: Any) -> np.ndarray:
    """Moments as seconds since 1970, to the microsecond; NaN for NaT."""
    moments = pd.Series(moments)
    if moments.dt.tz is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    microseconds = moments.to_numpy().astype("datetime64[us]")
    values = microseconds.astype(np.int64).astype(np.float64) / 1e6
    return np.where(np.isnat(microseconds), np.nan, values)
