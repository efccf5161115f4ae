"""JSON schemas of config files, so that editors complete and check them: `python -m pipeline.schema`."""

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.config.schema import GLOBAL, schemas
from pipeline.errors import ConfigError, printable
from pipeline.paths import check_place, write_text
from pipeline.rules import TEXT, check_node, or_null

KEYS = {"out": or_null(TEXT)}


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key, or a place where no folder can be."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    if config["out"] is not None:
        if Path(config["out"]).is_file():
            raise ConfigError("out", "this is a file", found=config["out"], allowed="a folder")
        check_place(Path(config["out"]) / "config.json", "out")


@verb(config_name="schema", check=check, texts=("out",))
def main(cfg: DictConfig) -> None:
    """Prints the schema of a whole config, or writes one file for each group of options."""
    if cfg.out is None:
        print(whole())
    else:
        print(printable("\n".join(write(Path(cfg.out)))))


def whole() -> str:
    """The schema of a whole config, with those of the groups as definitions."""
    found = schemas()
    groups = {name: schema for name, schema in found.items() if name not in GLOBAL}
    return _text({**found["config"], "definitions": groups})


def write(folder: Path) -> list[str]:
    """Writes the schemas to a folder; returns the lines to paste into the settings of VS Code.

    Raises:
        ConfigError: a file of one of the names exists and is no schema of this command; nothing is written.
    """
    found = schemas()
    for name in found:
        _check_ours(folder / f"{name}.json")
    for name, schema in found.items():
        write_text(folder / f"{name}.json", _text(schema) + "\n")
    places = {
        f"./{(folder / f'{name}.json').as_posix()}": [
            f"**/*conf*/{name}{'' if name == 'config' else '/*'}.yaml"
        ]
        for name in found
    }
    return [
        f"{len(found)} schemas in {folder}",
        "for VS Code with the extension YAML, in .vscode/settings.json:",
        json.dumps({"yaml.schemas": places}, indent=2),
    ]


def _check_ours(path: Path) -> None:
    """Checks that a file that will be replaced was written by an earlier call."""
    if not (path.exists() or path.is_symlink()):
        return
    try:
        title = json.loads(path.read_text(encoding="utf-8"))["title"] if path.is_file() else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        title = None
    if title != f"pipeline: {path.stem}":
        problem = "this would overwrite a file that is no schema of this command"
        raise ConfigError("out", problem, found=path, allowed="another folder")


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
