"""Dates, times of day and durations of every common form, as seconds.

Training, predictions and logged models read them alike: this folder is logged with each model, so its
modules import one another by their place, and nothing else of the program.
"""

from .forms import ALLOWED, DURATION, MOMENT, TIME_OF_DAY, TimeForm, find_form, has_short_year
from .numbers import DAY, UNITS
from .reading import are_times, in_iso, seconds

__all__ = [
    "ALLOWED",
    "DAY",
    "DURATION",
    "MOMENT",
    "TIME_OF_DAY",
    "UNITS",
    "TimeForm",
    "are_times",
    "find_form",
    "has_short_year",
    "in_iso",
    "seconds",
]
