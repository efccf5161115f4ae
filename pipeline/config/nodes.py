"""Checks the nodes with fixed keys, because Hydra accepts `+trainer.epoch=3` and `trainer.epochs=ten`."""

from importlib.util import find_spec
from typing import Any

from pipeline.config.record_names import check_record_names
from pipeline.data_options import JOINS, LEAK_POLICIES
from pipeline.errors import ConfigError
from pipeline.rules import (
    COUNT,
    FLAG,
    MAPPING,
    NAMED,
    PART,
    POSITIVE,
    POSITIVE_COUNT,
    SHARE,
    TEXT,
    TEXTS,
    Rule,
    check_node,
    list_of,
    one_of,
    or_auto,
    or_null,
    up_to,
)

FILLED = Rule(lambda value: isinstance(value, str) and value.strip() != "", "a text that is not empty")
TOP = {
    "seed": up_to(2**32 - 1, COUNT),  # as NumPy takes it
    "data": MAPPING,
    "branches": NAMED,
    "fusion": PART,
    "heads": NAMED,
    "loss_weights": MAPPING,
    "balancer": PART,
    "optimizer": PART,
    "schedule": PART,
    "trainer": MAPPING,
    "insight": PART,
    "modulation": PART,
    "tracking": MAPPING,
    "objective": TEXTS,
    "sweep": MAPPING,
    "resume": or_null(FILLED),
    "trusted_modules": list_of(TEXT),
}
MOST_THREADS = 4096  # TensorFlow starts as many as it is told to
TRAINER = {
    "epochs": or_auto(up_to(1_000_000, POSITIVE_COUNT)),
    "batch_size": or_auto(up_to(2**31 - 1, POSITIVE_COUNT)),  # row numbers are 32-bit in the graph
    "shuffle": FLAG,
    "precision": one_of("float32", "mixed_float16", "mixed_bfloat16"),
    "gradient_clip": or_null(POSITIVE),
    "accumulate": POSITIVE_COUNT,
    "early_stopping": or_null(MAPPING),
    "threads": or_auto(up_to(MOST_THREADS, POSITIVE_COUNT)),
    "deterministic": FLAG,
    "jit": FLAG,
    "callbacks": list_of(PART),
    "checkpoint_every": POSITIVE_COUNT,
}
# Runs of version 0.1 have configs without these.
TRAINER_OPTIONS = {"average": or_null(SHARE), "on_nan": one_of("stop", "skip"), "refit": FLAG}
EARLY_STOPPING = {"monitor": TEXT, "patience": or_auto(COUNT)}
EARLY_STOPPING_OPTIONS = {"head_patience": or_null(or_auto(POSITIVE_COUNT))}
TRACKING = {
    "uri": or_null(FILLED),
    "folder": FILLED,
    "experiment": or_null(TEXT),
    "run_name": or_null(TEXT),
    "tags": MAPPING,
    "log_model": FLAG,
    "register": or_null(TEXT),
    "system_metrics": or_auto(FLAG),
}
TOP_OPTIONS = {"conformal": MAPPING}
LEVEL = 0.9  # the default
CONFORMAL = {"calibration": or_null(SHARE), "level": SHARE}
SWEEP = {"name": or_null(TEXT), "parent": or_null(TEXT)}
SWEEP_OPTIONS = {"ensemble": FLAG}
DATA = {"sources": NAMED, "inputs": NAMED, "targets": NAMED, "split": MAPPING}
DATA_OPTIONS = {
    "join": Rule(
        lambda value: TEXT.test(value) or MAPPING.test(value),
        "a column, or {key: <column>, how: left, inner or exact}",
    ),
    "leaks": one_of(*LEAK_POLICIES),
    "in_memory": one_of("auto", True, False),
}


def check_machine_use(config: dict[str, Any]) -> None:
    """The machine's use can be logged only with a package that reads it."""
    if config["tracking"]["system_metrics"] is True and not logs_machine_use("auto"):
        raise ConfigError(
            "tracking.system_metrics",
            "needs a package that is not installed",
            found="true",
            allowed="false; or install it: pip install psutil",
        )


def logs_machine_use(setting: bool | str) -> bool:
    """Whether the machine's use is logged; `auto`: if the package that reads it is installed."""
    return find_spec("psutil") is not None if setting == "auto" else bool(setting)


def check_nodes(config: dict[str, Any]) -> None:
    """The nodes with fixed keys have all of these and no others, with values of the right type and range."""
    check_node("", config, TOP, optional=TOP_OPTIONS)
    check_node("trainer", config["trainer"], TRAINER, optional=TRAINER_OPTIONS)
    if config["trainer"]["early_stopping"] is not None:
        stopping = config["trainer"]["early_stopping"]
        check_node("trainer.early_stopping", stopping, EARLY_STOPPING, optional=EARLY_STOPPING_OPTIONS)
    if "conformal" in config:
        check_node("conformal", config["conformal"], CONFORMAL)
        _check_level(config["conformal"])
    check_node("tracking", config["tracking"], TRACKING)
    check_node("sweep", config["sweep"], SWEEP, optional=SWEEP_OPTIONS)
    check_record_names(config["tracking"], config["sweep"])
    check_node("data", config["data"], DATA, optional=DATA_OPTIONS)
    if isinstance(config["data"].get("join"), dict):
        check_node("data.join", config["data"]["join"], {"key": TEXT}, optional={"how": one_of(*JOINS)})
    _check_no_other_average(config)
    POSITIVE.check("optimizer.learning_rate", config["optimizer"].get("learning_rate"))
    for group in ("branches", "heads"):
        check_node(group, config[group], dict.fromkeys(config[group], PART))


def _check_level(conformal: dict[str, Any]) -> None:
    """The level belongs to sets and intervals, which need calibration rows."""
    if conformal["calibration"] is None and conformal["level"] != LEVEL:
        raise ConfigError(
            "conformal.level",
            "has no effect without calibration rows",
            found=conformal["level"],
            allowed="conformal.calibration=0.5 with it, for example",
        )


def _check_no_other_average(config: dict[str, Any]) -> None:
    """The averages of Keras would not be the weights that are validated, kept and logged."""
    problem = "the averaged weights would not be those that are validated and kept"
    if config["optimizer"].get("use_ema"):
        raise ConfigError("optimizer.use_ema", problem, found=True, allowed="trainer.average=0.99")
    for i, callback in enumerate(config["trainer"]["callbacks"]):
        if callback["_target_"].rpartition(".")[2] == "SwapEMAWeights":
            found = callback["_target_"]
            raise ConfigError(f"trainer.callbacks[{i}]", problem, found=found, allowed="trainer.average=0.99")
