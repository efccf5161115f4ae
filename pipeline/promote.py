"""The better of a registered model's candidate and champion: `python -m pipeline.promote name=<name>`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.errors import ConfigError
from pipeline.rules import MAPPING, TEXT, check_node, or_null

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.comparison.bootstrap import Interval
    from pipeline.tracking import StoredRun


def check(cfg: DictConfig) -> None:
    """Raise ConfigError for an unknown key or a value that is not allowed."""
    config = resolved(cfg)
    check_node("", config, {"name": TEXT, "tracking": MAPPING})
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})


@verb(config_name="promote", check=check)
def main(cfg: DictConfig) -> None:
    """Promote, or say why not."""
    print(run(cfg.name, cfg.tracking.uri))


def run(name: str, uri: str | None) -> str:
    """Give `champion` to the candidate where it is better beyond noise; returns what was found.

    Raises:
        ConfigError: no such registered model, no candidate, or runs that cannot be compared.
    """
    from pipeline.tracking import find_run
    from pipeline.tracking.models import CANDIDATE, CHAMPION, promote, version_of
    from pipeline.tracking.reading import client_of

    client = client_of(uri)
    candidate, champion = (version_of(client, name, alias) for alias in (CANDIDATE, CHAMPION))
    if candidate is None:
        problem = "no version is the candidate: the last one was promoted, or its alias was taken away"
        raise ConfigError("name", problem, found=name, allowed=f"a run with tracking.register={name}")
    new = f"version {candidate.version} (run {candidate.run_id})"
    if champion is None:
        promote(client, name, candidate.version)
        return f"{name}: {new} is the champion; there was none to compare it with"
    old = f"version {champion.version} (run {champion.run_id})"
    gap = difference(find_run(champion.run_id, uri), find_run(candidate.run_id, uri))
    shown = f"skill {gap.value:+.4f} (95 %: {gap.low:+.4f} … {gap.high:+.4f})"
    if gap.noise:
        return f"{name}: {old} stays champion; that of {new} is within noise: {shown}"
    if gap.value < 0:
        return f"{name}: {old} stays champion; {new} is worse: {shown}"
    promote(client, name, candidate.version)
    return f"{name}: {new} is the champion, better than {old}: {shown}"


def difference(champion: "StoredRun", candidate: "StoredRun") -> "Interval":
    """By how much the candidate's mean skill over heads is higher, on the test rows that both predicted.

    A head's skill is 1 - loss / loss of the best constant, so heads of any unit count alike; intervals are
    those of `pipeline.compare`: paired, over rows drawn with replacement.

    Raises:
        ConfigError: other data, other heads, or a run without predictions.
    """
    import numpy as np

    from pipeline.comparison.bootstrap import interval, resampled_means
    from pipeline.comparison.scores import aligned, heads_of

    runs = {"champion": champion, "candidate": candidate}
    frames = aligned({word: predictions(run) for word, run in runs.items()})
    heads = heads_of(frames["champion"])
    if set(heads) != set(heads_of(frames["candidate"])):
        raise ConfigError(
            "name",
            "champion and candidate have other heads",
            found=heads_of(frames["candidate"]),
            allowed=heads,
        )
    values, drawn = [], []
    for head in heads:
        losses = np.column_stack([frames[word][f"{head}_loss"] for word in runs]) / constant(champion, head)
        # The same seed draws the same rows for every head.
        means = resampled_means(losses)
        values.append(np.nanmean(losses[:, 0]) - np.nanmean(losses[:, 1]))
        drawn.append(means[:, 0] - means[:, 1])
    return interval(float(np.mean(values)), np.mean(drawn, axis=0), 0.95)


def predictions(run: "StoredRun") -> "pd.DataFrame":
    """The per-row test predictions that a run logged."""
    import pandas as pd

    return pd.read_parquet(run.artifact("predictions/test.parquet"))


def constant(run: "StoredRun", head: str) -> float:
    """Test loss of the best constant, from the loss and the skill that the run logged."""
    metrics: Mapping[str, Any] = run.metrics
    loss, skill = (metrics.get(f"test/{head}_{word}") for word in ("loss", "skill"))
    if loss is None or skill is None:
        raise ConfigError("name", f"the champion has no test skill of {head}", found=run.run_id)
    return float(loss / (1 - skill)) if skill < 1 else 1.0


if __name__ == "__main__":
    main()
