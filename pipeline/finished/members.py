"""The runs that an ensemble is made of, and what they have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from pipeline.comparison.logged_rows import logged_rows
from pipeline.config.make import Make
from pipeline.data.kinds import TARGETS, Target, build
from pipeline.errors import ConfigError
from pipeline.finished.class_order import union
from pipeline.finished.held_out import CLASSES, HeldOut, held_out, temperature_of
from pipeline.finished.stored_files import read_config, read_facts
from pipeline.heads import Head
from pipeline.stored_file import list_in_tag
from pipeline.thresholds import DEFAULT, choose
from pipeline.tracking import StoredRun

MEMBERS_TAG = "ensemble.members"  # of an ensemble's run: the ids of its members


def first_member(run: StoredRun) -> StoredRun:
    """Return the run whose config and split an ensemble has."""
    run_id = list_in_tag(run, MEMBERS_TAG, fewest=1)[0]
    return StoredRun.of(run.client, run.uri, run.client.get_run(run_id))


@dataclass(frozen=True)
class Members:
    """The runs of an ensemble, and what they have in common.

    Args:
        cfg: the config of the first run.
        facts: for each run its config/heads.json.
        joined: those of the ensemble: the classes of all runs, and the scales and baselines of the first one.
    """

    runs: Sequence[StoredRun]
    cfg: DictConfig
    heads: dict[str, Head]
    targets: dict[str, Target]
    facts: list[dict[str, Any]]
    joined: dict[str, Any]

    @classmethod
    def of(cls, runs: Sequence[StoredRun], make: Make) -> "Members":
        """Read the configs of runs."""
        cfg = read_config(runs[0].artifact("config/config.yaml"))
        facts = [read_facts(run.artifact("config/heads.json")) for run in runs]
        heads: dict[str, Head] = {name: make(node) for name, node in cfg.heads.items()}
        joined = {name: _joined_facts([one[name] for one in facts]) for name in heads}
        targets = restored_targets(cfg, make, joined)
        for name, target in targets.items():
            if target.kind == "number" and not hasattr(target, "scaled"):
                problem = f"{type(target).__name__} has no method `scaled`, so its numbers have no mean"
                raise ConfigError(f"data.targets.{name}", problem, allowed="kind: number")
        return cls(runs, cfg, heads, targets, facts, joined)

    def names(self) -> list[dict[str, list[str]]]:
        """For each run head -> its classes."""
        return [{name: list(one[name]["names"]) for name in self.heads} for one in self.facts]

    def labels(self) -> dict[str, list[str]]:
        """Head -> the names of the ensemble's outputs."""
        return {name: head.names(self.joined[name]["names"]) for name, head in self.heads.items()}

    def classes(self) -> dict[str, dict[str, list[str]]]:
        """The names of the probabilities, of all heads and of those of which one class is true."""
        labels, kinds = self.labels(), {name: target.kind for name, target in self.targets.items()}
        return {
            "all": {name: labels[name] for name, kind in kinds.items() if kind in ("category", "labels")},
            "one": {name: labels[name] for name, kind in kinds.items() if kind == "category"},
        }

    def held_out(self) -> dict[str, HeldOut]:
        """Class head -> the predictions of the rows that members held out."""
        return self._held_out(range(len(self.runs)))

    def own_temperatures(self) -> list[dict[str, float]]:
        """For each run class head -> the temperature that fits the rows that the run itself held out."""
        return [
            {
                name: temperature_of(one, self.targets[name].kind)
                for name, one in self._held_out([place]).items()
            }
            for place in range(len(self.runs))
        ]

    def _held_out(self, places: Sequence[int]) -> dict[str, HeldOut]:
        """Class head -> the predictions of the rows that these runs held out."""
        once = self.cfg.data.split.get("tested") == "once"
        frames = [logged_rows(self.runs[place], "test" if once else "val") for place in places]
        names = [self.names()[place] for place in places]
        return {
            name: held_out(frames, name, target.kind, [one[name] for one in names], target.names)
            for name, target in self.targets.items()
            if target.kind in CLASSES
        }

    def thresholds(
        self, rows: Mapping[str, HeldOut], temperatures: Mapping[str, float]
    ) -> dict[str, list[float]]:
        """Choose the thresholds of the heads that have the option, on the rows that members held out."""
        found = {}
        for name, head in self.heads.items():
            if (rule := getattr(head, "threshold", None)) is not None:
                chances = rows[name].calibrated(temperatures[name])
                columns = zip(rows[name].labels.T, chances.T, strict=True)
                chosen = [choose(rule, truth, chance) for truth, chance in columns]
                found[name] = [DEFAULT if one is None else one for one in chosen]
        return found

    def untrained(self) -> list[str]:
        """The splits that are the same rows for all runs, so that no run was trained on them."""
        common = []
        for split in ("test", "val"):
            rows = [set(logged_rows(run, split)["row"]) for run in self.runs]
            if all(one == rows[0] for one in rows):
                common.append(split)
        return common


def restored_targets(cfg: DictConfig, make: Make, facts: Mapping[str, Any]) -> dict[str, Target]:
    """Return the targets of a config in the state after its training; `facts` is its config/heads.json."""
    targets: dict[str, Target] = {}
    for name, of_head in facts.items():
        targets[name] = build(make(cfg.data.targets[name]), TARGETS, f"data.targets.{name}")
        targets[name].restore(name, of_head)
    return targets


def _joined_facts(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of a head: those of the first run, with the classes of all runs."""
    joined = dict(facts[0])
    if joined["kind"] == "category":
        joined["names"] = union([one["names"] for one in facts])
        constant = list(joined["constant"])
        # No training row of the first run has these classes: the constant gives them least.
        joined["constant"] = constant + [min(constant)] * (len(joined["names"]) - len(constant))
    return joined
