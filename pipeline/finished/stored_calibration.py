"""The calibration rows' scores that a run stored, at its level or another one."""

from math import floor

from pipeline.conformal import Calibration, CrossCalibration, fewest_rows
from pipeline.errors import ConfigError
from pipeline.finished.stored_files import read_facts
from pipeline.stored_file import readable
from pipeline.tracking import StoredRun

PATH = "conformal/calibration.json"


def read_calibration(run: StoredRun, level: float | None = None) -> Calibration | CrossCalibration | None:
    """Return a run's calibration, or None if it had no calibration rows.

    Args:
        level: of the sets and intervals; None: the run's.

    Raises:
        ConfigError: the file is damaged; or a level is given, but the run has no or too few calibration rows.
    """
    if not run.has(PATH):
        if level is None:
            return None
        raise ConfigError(
            "level",
            "this run has no sets and intervals, because no rows were set aside for them",
            found=level,
            allowed="null; or a run that was trained with conformal.calibration=0.5",
        )
    path = run.artifact(PATH)
    facts = read_facts(path)
    with readable(path, "run"):
        kind = CrossCalibration if "members" in facts else Calibration
        calibration = kind.from_facts(facts, level)
    few = [head for head in calibration.methods if calibration.too_few(head)]
    if level is not None and few:
        rows = min(map(calibration.rows, few))
        raise ConfigError(
            "level",
            f"this level needs {fewest_rows(level):,} labelled calibration rows",
            found=f"{level:g}, and {rows:,} rows of head {few[0]}",
            allowed=f"at most {floor(1000 * rows / (rows + 1)) / 1000:g}",
        )
    return calibration
