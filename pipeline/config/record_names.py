"""Checks names before the training: of runs, experiments, models, sweeps and tags."""

import posixpath
import re
from typing import Any

from pipeline.errors import ConfigError
from pipeline.rules import Rule, or_null

LONGEST = 250  # characters; MLflow's databases hold no more


def _is_name(value: Any) -> bool:
    # Line breaks and the like would make messages and pages unreadable.
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= LONGEST and value.isprintable()


def _is_tag(value: Any) -> bool:
    name = str(value)
    one_path = posixpath.normpath(name) == name and not name.startswith((".", "/"))
    return 0 < len(name) <= LONGEST and re.fullmatch(r"[/\w.\- :]+", name) is not None and one_path


NAME = Rule(_is_name, f"a text of 1 to {LONGEST} characters without line breaks")
MODEL = Rule(
    lambda value: _is_name(value) and not re.search("[/:]", value) and value not in (".", ".."),
    f"a text of 1 to {LONGEST} characters without / and :",
)
TAG = Rule(_is_tag, "letters, digits, spaces and / _ - . :")
VALUE = Rule(lambda value: isinstance(value, str | int | float | bool), "a text, a number, or true or false")


def check_record_names(tracking: dict[str, Any], sweep: dict[str, Any]) -> None:
    """Raises ConfigError for the first name that cannot be stored.

    Args:
        tracking: the node of a config, as plain values; so is `sweep`.
    """
    or_null(NAME).check("tracking.experiment", tracking.get("experiment"))
    or_null(NAME).check("tracking.run_name", tracking.get("run_name"))
    or_null(MODEL).check("tracking.register", tracking.get("register"))
    or_null(NAME).check("sweep.name", sweep.get("name"))
    if tracking.get("register") is not None and tracking.get("log_model") is False:
        problem = "a model can only be registered if it is logged"
        allowed = "null, or tracking.log_model=true"
        raise ConfigError("tracking.register", problem, found=tracking["register"], allowed=allowed)
    for name, value in (tracking.get("tags") or {}).items():
        TAG.check("tracking.tags", name)
        VALUE.check(f"tracking.tags.{name}", value)
