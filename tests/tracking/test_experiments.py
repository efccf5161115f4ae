"""Which experiment a run belongs to, and what is said of one that cannot be used."""

from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.tracking import connect


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("TRACKING_URI", "EXPERIMENT_NAME", "EXPERIMENT_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


@pytest.fixture
def database(folder_with_store, monkeypatch) -> Path:
    monkeypatch.chdir(folder_with_store)
    return folder_with_store / "mlruns" / "mlflow.db"


def test_a_deleted_experiment_is_told_how_to_be_restored(database):
    client, _, experiment = connect(None, "e")
    client.delete_experiment(experiment)
    with pytest.raises(ConfigError) as caught:
        connect(None, "e")
    message = str(caught.value)
    assert message.startswith("tracking.experiment: this experiment was deleted")
    assert f"mlflow experiments restore --experiment-id {experiment}" in message


def test_the_experiment_of_the_environment_counts_unless_one_is_configured(database, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    client, _, ours = connect(None, None)
    assert client.get_experiment(ours).name == "ours"
    assert client.get_experiment(connect(None, "mine").experiment_id).name == "mine"
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", ours)
    assert connect(None, None).experiment_id == ours
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    with pytest.raises(ConfigError, match="MLFLOW_EXPERIMENT_ID: there is no such experiment"):
        connect(None, None)


def test_the_experiment_is_that_of_the_data_or_of_the_run_that_goes_on(database):
    client, _, birds = connect(None, None, default="birds")
    assert client.get_experiment(birds).name == "birds"
    assert client.get_experiment(connect(None, "mine", default="birds").experiment_id).name == "mine"
    run = client.create_run(birds)
    assert connect(None, None, default="other", run_id=run.info.run_id).experiment_id == birds
    assert client.get_experiment_by_name("other") is None
