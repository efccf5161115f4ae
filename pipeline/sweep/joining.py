"""What the trials of a sweep over folds give together: out-of-fold predictions, and an ensemble."""

import sys
from collections.abc import Mapping
from typing import Any

from pipeline.errors import ConfigError
from pipeline.sweep.ensembling import log_ensemble
from pipeline.sweep.out_of_fold import log_folds
from pipeline.sweep.parent import Parent
from pipeline.terminal import show


def join(parent: Parent, objective: str, ensemble: Mapping[str, Any] | None) -> list[str]:
    """Logs what the trials of a sweep give together; returns sentences on it.

    Args:
        objective: the metric that the sweep optimises.
        ensemble: arguments of `log_ensemble`; None: makes none.
    """
    lines: list[str] = []
    try:
        lines += log_folds(parent, objective)
        if ensemble is not None:
            lines += log_ensemble(parent, objective, **ensemble)
    except ConfigError as problem:
        lines.append(f"no ensemble: {problem}")
    except Exception as problem:
        # The trials have been logged, and the board shows them.
        show(f"the trials could not be joined: {type(problem).__name__}: {problem}", sys.stderr)
    return lines
