"""Bad configs from a seeded generator: a good one with a key dropped, doubled, retyped or out of range."""

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import safe_dump

from tests import composed

BASES = {
    "table": [*composed.PENGUINS, "trainer.epochs=1"],
    "series": [
        "data=noise",
        "experiment=image_series",
        "data.sources.noise.rows=32",
        "trainer.epochs=1",
        "branches.image.filters=[4]",
        "branches.series.filters=[4]",
    ],
}
WORDS = ("", "x", "nan", "-1", "1e400", "a.b", "../x", "null ", "é漢", "${x}", "${oc.env:NONE_SUCH}", "???")
NUMBERS = (-1, 0, 2, 0.5, 1e308, -1e-9, float("nan"), float("inf"), 10**30, 2**63)
OTHERS = (None, True, [], {}, [None], [[1]], {"x": 1}, {"_target_": "os.system"}, ["x", "x"])
HEAD = """\
defaults:
  - _self_
  - override hydra/help: pipeline
  - override hydra/job_logging: quiet
  - override hydra/hydra_logging: quiet
hydra:
  callbacks: {sweep: {_target_: pipeline.sweep.callback.SweepCallback}}
  job: {chdir: false}
  run: {dir: mlruns/hydra}
"""
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class BadConfig:
    """A main config as text, and what was done to which key."""

    text: str
    change: str
    key: Path_

    def write(self, folder: Path) -> None:
        (folder / "bad.yaml").write_text(self.text, encoding="utf-8")


def good(base: str) -> dict[str, Any]:
    """A config that trains, as plain dicts and lists."""
    config: Any = OmegaConf.to_container(composed.config(*BASES[base]), resolve=True)
    return config


def bad_config(base: dict[str, Any], seed: int) -> BadConfig:
    """The bad config of a seed; a few turn out to be good ones."""
    draw = random.Random(seed)
    config = copy.deepcopy(base)
    paths = [path for path in _paths(config) if path[0] not in ("hydra", "tracking", "sweep", "resume")]
    path = draw.choice(paths)
    parent = _at(config, path[:-1])
    change = draw.choice(("drop", "double", "retype", "range", "word", "rename"))
    if change == "drop":
        del parent[path[-1]]
    elif change == "rename" and isinstance(parent, dict):
        parent[f"{path[-1]}{draw.choice('sx_')}"] = parent.pop(path[-1])
    elif change == "range":
        parent[path[-1]] = draw.choice(NUMBERS)
    elif change == "word":
        parent[path[-1]] = draw.choice(WORDS)
    elif change == "retype":
        parent[path[-1]] = draw.choice(OTHERS)
    text = HEAD + safe_dump(config, allow_unicode=True, sort_keys=False)
    if change in ("double", "rename") and f"{path[0]}:" in text and not isinstance(parent, list):
        text += f"{path[0]}: {draw.choice(('1', '{}', '[a]', 'null'))}\n" if change == "double" else ""
    return BadConfig(text, change, path)


def _paths(node: Any, above: Path_ = ()) -> Iterator[Path_]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in pairs:
        yield (*above, name)
        yield from _paths(value, (*above, name))


def _at(node: Any, path: Path_) -> Any:
    for name in path:
        node = node[name]
    return node
