"""Makes one model of the folds or seeds of a sweep: `python -m pipeline.ensemble run=<id of the sweep>`."""

import sys

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import overrides, resolved, trusted
from pipeline.errors import ConfigError, printable
from pipeline.rules import MAPPING, TEXT, check_node, list_of, or_null
from pipeline.stored_file import list_in_tag
from pipeline.terminal import show


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key or a value that is not allowed."""
    config = resolved(cfg)
    keys = {"run": TEXT, "register": or_null(TEXT), "tracking": MAPPING, "trusted_modules": list_of(TEXT)}
    check_node("", config, keys)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})


@verb(config_name="ensemble", check=check, texts=("run", "register", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Makes the ensemble of a sweep."""
    show(printable(run(cfg.run, cfg.register, cfg.tracking.uri, trusted(overrides()))), sys.stdout)


def run(name: str, register: str | None, uri: str | None, trusted_modules: list[str]) -> str:
    """Logs the ensemble to the sweep's run; returns the text for the terminal.

    Raises:
        ConfigError: this is no sweep, it repeated no config, or its runs have no models.
    """
    from pipeline.sweep.ensembling import log_ensemble
    from pipeline.sweep.parent import Parent
    from pipeline.sweep.trial_files import TrialFiles
    from pipeline.tracking import chosen_run

    found = chosen_run(name, uri)
    if "sweep.objective" not in found.tags:
        raise ConfigError("run", "this run is not a sweep", found=name, allowed="a sweep's id or name")
    parent = Parent(found.client, found.uri, found.experiment_id, found.run_id)
    objective = list_in_tag(found, "sweep.objective", fewest=1)
    lines = log_ensemble(parent, objective[0], register=register, trusted_modules=trusted_modules)
    parent.describe(objective, None, TrialFiles(parent).order(parent.trials()))
    return "\n".join([*lines, found.url() or f"run {found.run_id}"])


if __name__ == "__main__":
    main()
