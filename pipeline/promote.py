"""Promotes a registered model's candidate if it beats the champion: `python -m pipeline.promote name=…`."""

import sys
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.errors import ConfigError, printable
from pipeline.metric_names import name_of
from pipeline.rules import MAPPING, TEXT, check_node, or_null
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.comparison.bootstrap import Interval
    from pipeline.tracking import StoredRun


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key or a value that is not allowed."""
    config = resolved(cfg)
    check_node("", config, {"name": TEXT, "tracking": MAPPING})
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})


@verb(config_name="promote", check=check, texts=("name", "tracking.uri"))
def main(cfg: DictConfig) -> None:
    """Promotes the candidate, or says why not."""
    show(printable(run(cfg.name, cfg.tracking.uri)), sys.stdout)


def run(name: str, uri: str | None) -> str:
    """Makes the candidate the champion if it is better beyond noise; returns the text for the terminal.

    Raises:
        ConfigError: there is no such registered model or no candidate, or the runs cannot be compared.
    """
    from pipeline.tracking import find_run
    from pipeline.tracking.models import CANDIDATE, CHAMPION, promote, version_of
    from pipeline.tracking.reading import client_of

    client = client_of(uri)
    candidate, champion = (version_of(client, name, alias) for alias in (CANDIDATE, CHAMPION))
    if candidate is None:
        problem = "no version has the alias candidate: it was promoted, or the alias was removed"
        allowed = f"a model with a candidate; tracking.register={name} registers a new one"
        raise ConfigError("name", problem, found=name, allowed=allowed)
    new = f"version {candidate.version} (run {candidate.run_id})"
    if champion is None:
        promote(client, name, candidate.version)
        return f"{name}: {new} is the champion, because there was none before"
    old = f"version {champion.version} (run {champion.run_id})"
    gap = difference(find_run(champion.run_id, uri), find_run(candidate.run_id, uri))
    shown = f"skill {gap.value:+.4f} (95 %: {gap.low:+.4f} … {gap.high:+.4f})"
    if gap.noise:
        return f"{name}: {old} stays champion; the difference to {new} is within noise: {shown}"
    if gap.value < 0:
        return f"{name}: {old} stays champion; {new} is worse: {shown}"
    promote(client, name, candidate.version)
    return f"{name}: {new} is the champion; it is better than {old}: {shown}"


def difference(champion: "StoredRun", candidate: "StoredRun") -> "Interval":
    """The candidate's mean skill over heads minus the champion's, on the test rows that both predicted.

    The skill, 1 - loss / loss of the best constant, makes heads with different units comparable. The
    interval is a paired bootstrap over rows, as in `pipeline.compare`.

    Raises:
        ConfigError: the runs have different data or heads, or one has no predictions.
    """
    import numpy as np

    from pipeline.comparison.bootstrap import interval, resampled_means
    from pipeline.comparison.logged_rows import compared_rows
    from pipeline.comparison.scores import aligned, heads_of

    runs = {"champion": champion, "candidate": candidate}
    path = "predictions/test.parquet"
    frames = aligned({word: compared_rows(run, path) for word, run in runs.items()})
    heads = heads_of(frames["champion"])
    if set(heads) != set(heads_of(frames["candidate"])):
        raise ConfigError(
            "name",
            "champion and candidate have different heads",
            found=heads_of(frames["candidate"]),
            allowed=heads,
        )
    values, drawn = [], []
    for head in heads:
        losses = np.column_stack([frames[word][f"{head}_loss"] for word in runs]) / constant(champion, head)
        if np.isinf(losses).any() or np.isnan(losses).all(axis=0).any():
            problem = f"the losses of {head} are infinite or missing, so they cannot be compared"
            raise ConfigError("name", problem, found=[run.run_id for run in runs.values()])
        # Draws the same rows for every head, because the seed is the same.
        means = resampled_means(losses)
        values.append(np.nanmean(losses[:, 0]) - np.nanmean(losses[:, 1]))
        drawn.append(means[:, 0] - means[:, 1])
    return interval(float(np.mean(values)), np.mean(drawn, axis=0), 0.95)


def constant(run: "StoredRun", head: str) -> float:
    """The test loss of the best constant, computed from the run's loss and skill."""
    loss, skill = (run.metrics.get(name_of("test", head, word)) for word in ("loss", "skill"))
    if loss is None or skill is None:
        problem = f"the champion has no test skill for head {head}"
        raise ConfigError("name", problem, found=run.run_id, allowed="a champion with a test skill per head")
    return float(loss / (1 - skill)) if skill < 1 else 1.0


if __name__ == "__main__":
    main()
