"""The model card of an ensemble."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipeline.config import resolved
from pipeline.finished.evaluation import Evaluation
from pipeline.finished.evaluation_record import record_of
from pipeline.finished.run import FinishedRun
from pipeline.job.card import TESTED, card
from pipeline.job.metric_intervals import intervals_of
from pipeline.tracking import StoredRun

ONCE = (
    "rows, each predicted by the one of the models that did not train on it (the ensemble is usually better)"
)


def ensemble_card(
    run: StoredRun,
    finished: FinishedRun,
    found: Evaluation,
    *,
    made: Sequence[str],
    command: str,
    folders: Sequence[Path],
) -> str:
    """Return the card as Markdown.

    Args:
        run: that of the sweep.
        found: the evaluation on the test rows.
        made: sentences on how the ensemble was made.
        command: that of the sweep.
        folders: where the data's files are looked for.
    """
    record = record_of(run, finished, found, f"{run.name}: {', '.join(found.heads)}", command)
    facts = [f"run {run.run_id}", f"{datetime.now():%Y-%m-%d %H:%M}", made[0]]
    record = replace(record, facts=facts, ending=list(made))
    specs = {key: spec for of_input in finished.specs.values() for key, spec in of_input.items()}
    tested = ONCE if found.note else TESTED
    return card(record, resolved(finished.cfg), specs, folders, intervals_of(found), tested)
