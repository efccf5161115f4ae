"""Why the model predicts what it does: the training means, and the worst test rows of the report."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline import report
from pipeline.job.job import Job
from pipeline.job.results import Results
from pipeline.model.attribution import Attributions, Explainer, training_means

Array = NDArray[Any]
MEANS = "data/means.npz"
MEAN_ROWS = 256  # training rows for the means
logger = logging.getLogger(__name__)
WORST = 4  # test rows of each head
CELLS = 20_000_000  # of attributions, rows x heads x cells of the inputs, that are computed together


def copied(model: keras.Model) -> keras.Model:
    """Return a copy of a logged model: what explains a model adds to its graph, and it could not be saved."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def means(job: Job, exported: keras.Model) -> dict[str, Array]:
    """Return the means of some training rows, see `pipeline.model.attribution.training_means`.

    Branches of other packages may have layers that cannot be differentiated; then there are none.
    """
    try:
        return _means(job, exported)
    except Exception as error:
        logger.warning("no training means for explanations: %s: %s", type(error).__name__, error)
        return {}


def _means(job: Job, exported: keras.Model) -> dict[str, Array]:
    part = job.dataset.splits["train"]
    rows = np.unique(np.linspace(0, len(part.rows) - 1, min(MEAN_ROWS, len(part.rows))).astype(int))
    raw = {key: np.asarray(part.raw[key][rows]) for key in exported.input}
    columns = {
        name: source.prepared_names()
        for name, source in job.dataset.inputs.items()
        if hasattr(source, "prepared_names")
    }
    return training_means(exported, _kinds(job), raw, columns)


def write_means(path: Path, found: dict[str, Array]) -> None:
    """Write the means as an .npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        key: x if x.dtype.kind == "U" else x.astype(np.float32) for key, x in found.items()
    }
    np.savez(path, **arrays)


def explained_worst(
    job: Job, exported: keras.Model, results: Results, found: dict[str, Array], heads: Sequence[str]
) -> dict[str, report.Why]:
    """Explain the test rows with the highest loss of some heads; a failure takes no report with it."""
    try:
        return _explained_worst(job, exported, results, found, heads)
    except Exception as error:
        logger.warning("the report explains no rows: %s: %s", type(error).__name__, error)
        return {}


def _explained_worst(
    job: Job, exported: keras.Model, results: Results, found: dict[str, Array], heads: Sequence[str]
) -> dict[str, report.Why]:
    part = job.dataset.splits["test"]
    explainer = Explainer(exported, _kinds(job), found, _positions(job), heads)
    places = {name: found_rows for name in heads if len(found_rows := _worst(job, results, name))}
    whys = {}
    cells = sum(int(np.prod(np.shape(part.raw[key][:1]))) for key in exported.input)
    together = max(1, CELLS // max(1, WORST * cells * len(places)))
    for first in range(0, len(places), together):
        names = list(places)[first : first + together]
        rows = np.concatenate([places[name] for name in names])
        explained = explainer.explain({key: np.asarray(part.raw[key][rows]) for key in exported.input})
        starts = np.cumsum([0, *(len(places[name]) for name in names)])
        for name, start in zip(names, starts, strict=False):
            one = explained[name].rows(slice(start, start + len(places[name])))
            whys[name] = _why(job, name, places[name], one)
    return whys


def _worst(job: Job, results: Results, name: str) -> Array:
    """Return the positions of the test rows with the highest loss of a head, of those with a label."""
    labels, raw = job.dataset.splits["test"].labels[name], results.epochs["test"].raw[name]
    losses = job.trainer.losses[name].row_losses(labels, raw)
    order = np.argsort(-np.nan_to_num(losses, nan=-np.inf), kind="stable")
    return np.asarray(order[~np.isnan(losses[order])][:WORST])


def _why(job: Job, name: str, places: Array, one: Attributions) -> report.Why:
    quantiles = len(_quantiles(job, name)) or 1
    names = np.asarray(job.dataset.targets[name].names, object)
    return report.Why(
        places,
        names[one.chosen // quantiles].tolist(),
        one.values,
        one.baselines,
        one.inputs,
        {source: _words(job, source, places) for source in job.dataset.inputs if _is_text(job, source)},
        one.gap(),
    )


def _kinds(job: Job) -> dict[str, str]:
    return {name: job.dataset.inputs[name].kind for name in job.model.input}


def _is_text(job: Job, name: str) -> bool:
    return job.dataset.inputs[name].kind == "text"


def _positions(job: Job) -> dict[str, int]:
    kinds = {name: target.kind for name, target in job.dataset.targets.items()}
    return {name: middle(_quantiles(job, name)) for name in job.heads if kinds[name] in ("number", "binary")}


def middle(quantiles: Sequence[float]) -> int:
    """Return the position of the median among a head's quantiles; 0 for a head without them."""
    return list(quantiles).index(0.5) if quantiles else 0


def _quantiles(job: Job, name: str) -> Sequence[float]:
    found: Sequence[float] = getattr(job.heads[name], "quantiles", ())
    return found


def _words(job: Job, name: str, places: Array) -> list[list[str]]:
    """Return the words of each row as they were looked up; ? for those not in the vocabulary."""
    source: Any = job.dataset.inputs[name]
    known = ["", "?", *source.words]
    longest = source.vocabularies[2] if len(source.vocabularies) > 1 else None
    ids = np.asarray(job.dataset.splits["test"].prepared[name][places])[:, :longest]
    return [[known[word] for word in row if word] for row in ids.tolist()]
