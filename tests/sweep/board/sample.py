"""Trials of sweeps whose numbers are known."""

import shlex

from pipeline.sweep.trials import Sweep, Trial

OBJECTIVE = "best/val_skill"


def trial(name: str, varied: dict, class_skill: float, score_skill: float, **more: object) -> Trial:
    metrics = {
        OBJECTIVE: (class_skill + score_skill) / 2,
        "best/val_class_skill": class_skill,
        "best/val_score_skill": score_skill,
        "test/class_accuracy": class_skill,
        "test/score_skill": score_skill,
    }
    overrides = [f"{key}={value}" for key, value in varied.items()]
    fields = {
        "run_id": f"id-{name}",
        "name": name,
        "key": name,
        "status": "FINISHED",
        "reason": "",
        "varied": varied,
        "overrides": shlex.join([*overrides, "sweep.name=s"]),
        "metrics": metrics,
        "started": 1000,
        "ended": 5000,
        "process": "host:1:1",
    }
    return Trial(**(fields | more))


def grid() -> list[Trial]:
    """Three weights, two optimizers, three seeds: the weight trades class for score, adam adds 0.1."""
    trials = []
    for weight in (0.5, 1, 2):
        for optimizer in ("adam", "sgd"):
            for seed in (0, 1, 2):
                varied = {"loss_weights.class": str(weight), "optimizer": optimizer, "seed": str(seed)}
                # Neither the seeds nor the remainder change any mean over seeds.
                remainder = 0.001 * ((seed + 2 * weight + (optimizer == "adam")) % 3 - 1)
                bonus = 0.1 * (optimizer == "adam") + 0.01 * (seed - 1) + remainder
                name = f"class={weight} {optimizer} seed={seed}"
                trials.append(trial(name, varied, 0.5 + 0.1 * weight + bonus, 0.8 - 0.1 * weight + bonus))
    return trials


def sweep(trials: list[Trial], **more: object) -> Sweep:
    return Sweep(
        **({"title": "s", "objective": [OBJECTIVE], "trials": trials, "planned": 18, "command": "c"} | more)
    )
