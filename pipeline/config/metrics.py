"""Checks the names of metrics: those that the config asks for, and those that its heads and branches log."""

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

from pipeline.errors import ConfigError
from pipeline.flow_names import MEASURES, conflict, cosine, received, sent
from pipeline.metric_names import COMBINED, has_direction, metric_names, metric_word, owner

CONFORMAL = ("coverage", "set_size", "interval_coverage", "interval_width")  # of sets and intervals


def check_watched_metrics(config: dict[str, Any]) -> None:
    """The objective, early stopping and the schedule use metrics that this config logs."""
    heads = config["heads"]
    objective = config["objective"]
    for name in [objective] if isinstance(objective, str) else objective:
        _check_logged("objective", name, metric_names(heads, ("best/val_", "val/", "test/", "train/")))
    stopping = config["trainer"]["early_stopping"]
    monitors = {"trainer.early_stopping.monitor": stopping["monitor"]} if stopping else {}
    if "monitor" in config["schedule"]:
        monitors["schedule.monitor"] = config["schedule"]["monitor"]
    for key, name in monitors.items():
        _check_logged(key, name, metric_names(heads, ("val/", "train/")))


def _check_logged(key: str, name: str, allowed: list[str]) -> None:
    if name not in allowed:
        raise ConfigError(key, "no metric of this name is logged", found=name, allowed=allowed)
    if not has_direction(name):
        problem = "it is not known whether larger or smaller values of this metric are better"
        directed = [metric for metric in allowed if has_direction(metric)]
        raise ConfigError(key, problem, found=name, allowed=directed)


def check_metric_names(config: dict[str, Any]) -> None:
    """No metric of a head has the name of another metric, or can be read as a metric of another head."""
    heads = config["heads"]
    held = CONFORMAL if config.get("conformal", {}).get("calibration") else ()
    for head, node in heads.items():
        words = {"loss", "skill"}
        for word in held:
            _check_word(f"heads.{head}", head, word, heads)
        for i, metric in enumerate(node.get("metrics", [])):
            key, word = f"heads.{head}.metrics.{i}", metric_word(metric)
            _check_word(key, head, word, heads)
            if word in words:
                problem = f"the head has two metrics with the name {head}_{word}"
                raise ConfigError(key, problem, found=word, allowed="another name, or only one of the two")
            words.add(word)


def _check_word(key: str, head: str, word: str, heads: Collection[str]) -> None:
    name = f"{head}_{word}"
    reader = owner(name, heads)
    if name in COMBINED or reader != head:
        meaning = f"the metric {name.removeprefix(f'{reader}_')} of head {reader}"
        problem = f"the name {name} also means {'a metric of all heads' if name in COMBINED else meaning}"
        allowed = f"another name of the metric, or rename head {head}" + (
            "" if name in COMBINED else f" or head {reader}"
        )
        raise ConfigError(key, problem, found=word, allowed=allowed)


def check_flow_names(config: dict[str, Any]) -> None:
    """No two gradient metrics, `flow/…`, have the same name."""
    meanings: dict[str, str] = {}
    for name, meaning in _flow_names(config["heads"], config["branches"]):
        if name in meanings:
            raise ConfigError(
                "heads",
                f"the metric name {name} has two meanings",
                found=f"{meanings[name]}; {meaning}",
                allowed="rename one of these heads or branches, and its target or input with it",
            )
        meanings[name] = meaning


def _flow_names(heads: Collection[str], branches: Collection[str]) -> Iterator[tuple[str, str]]:
    for a, b in combinations(heads, 2):
        yield cosine(a, b), f"heads {a} and {b}"
        yield conflict(a, b), f"heads {a} and {b}"
    for head in heads:
        for branch in branches:
            meaning = f"head {head} and branch {branch}"
            yield from ((sent(head, branch, measure), meaning) for measure in MEASURES)
            yield received(branch, head), meaning
