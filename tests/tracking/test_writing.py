"""Runs as MLflow keeps them, while several processes write at once."""

import multiprocessing
from pathlib import Path

from mlflow.tracking import MlflowClient

from pipeline.tracking import open_run

ROUNDS = 8


def name_data(uri: str, barrier) -> None:
    """Open a run, and name data that no run has named yet at the same moment as the others, several times."""
    with open_run(uri=uri, experiment="e", run_name="r", params={}, tags={}) as run:
        for round_ in range(ROUNDS):
            barrier.wait(60)
            run.log_dataset("rows", f"{round_:08d}")


def test_runs_that_are_the_first_to_name_the_same_data_all_finish(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    writers = [context.Process(target=name_data, args=(uri, barrier)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert all(len(run.inputs.dataset_inputs) == ROUNDS for run in runs)
