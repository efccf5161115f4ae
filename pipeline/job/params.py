"""Which values of a config are a run's params in MLflow; the artifact config/config.yaml has all of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pipeline.config import CONF, flatten
from pipeline.config.naming import NOT_IN_NAME
from pipeline.config.private import public
from pipeline.job.resume import Origin

# Values that people compare even where nobody has changed them.
COMPARED = ("seed", "loss_weights", "optimizer", "trainer.epochs", "trainer.batch_size")
LEFT_OUT = (*NOT_IN_NAME, "resume")


def params(cfg: DictConfig, origin: Origin) -> dict[str, Any]:
    """Return the chosen options, then the values that differ from the options' own or that people compare.

    Example:
        {"data": "penguins", …, "heads.species": "multiclass", "seed": 0, "optimizer.learning_rate": 0.001}
    """
    values, groups = flatten(public(cfg)), origin.groups
    # Parts that `auto` chose have no option, but their class says the same.
    chosen = {
        name: value
        for name, value in values.items()
        if name.endswith("._target_") and name.count(".") < 3 and name.startswith(("branches.", "heads."))
    }
    changed = [key for key in (*_typed(origin.overrides), *_of_experiment(origin)) if key not in groups]
    shown = {name: value for name, value in values.items() if _is_below(name, (*COMPARED, *changed))}
    found = {**_in_order(groups, list(values)), **chosen, **shown}
    # The option of a group says the same as its class.
    redundant = {f"{group}._target_" for group in groups}
    return {
        name: value
        for name, value in found.items()
        if name not in redundant and not (_is_below(name, LEFT_OUT) and name not in groups)
    }


def _in_order(groups: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return the options in the order of the config; an experiment comes first."""
    places = {key.partition(".")[0]: place for place, key in reversed([*enumerate(keys)])}
    return dict(sorted(groups.items(), key=lambda item: (places.get(item[0].partition(".")[0], -1), item[0])))


def _is_below(name: str, keys: Sequence[str]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for key in keys)


def _typed(overrides: Sequence[str]) -> Iterator[str]:
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if not override.is_delete():
            yield override.package or override.key_or_group


def _of_experiment(origin: Origin) -> list[str]:
    """Return the keys that the file of the chosen experiment sets."""
    folders = [*origin.folders[1:], CONF]
    return _set_by(origin.groups.get("experiment"), [folder / "experiment" for folder in folders])


def _set_by(option: str | None, folders: Sequence[Path]) -> list[str]:
    """Return the keys that an option's file sets, and the files of the same group in its defaults."""
    file = next((path for folder in folders if (path := folder / f"{option}.yaml").is_file()), None)
    if option is None or file is None:
        return []
    node: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    inherited = [entry for entry in node.pop("defaults", []) if isinstance(entry, str) and entry != "_self_"]
    return [*flatten(node), *(key for entry in inherited for key in _set_by(entry, folders))]
