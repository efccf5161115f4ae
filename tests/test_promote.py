"""`python -m pipeline.promote`: the better of candidate and champion, or noise."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from pipeline import promote
from pipeline.errors import ConfigError
from tests import processes
from tests.verbs import call


@pytest.fixture
def client(recorded):
    return MlflowClient(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")


def alias(client, name, word):
    version = dict(client.get_registered_model(name).aliases).get(word)
    return None if version is None else str(version)


def register(client, recorded, name, change, tmp_path):
    """A run whose test losses are those of the penguins' run, changed; registered as the candidate."""
    source = client.get_run(recorded.penguins)
    run = client.create_run(source.info.experiment_id, tags={"pipeline.version": "1"})
    path = mlflow.artifacts.download_artifacts(f"runs:/{recorded.penguins}/predictions/test.parquet")
    frame = change(pd.read_parquet(path))
    frame.to_parquet(tmp_path / "test.parquet")
    client.log_artifact(run.info.run_id, str(tmp_path / "test.parquet"), "predictions")
    for key, value in source.data.metrics.items():
        client.log_metric(run.info.run_id, key, value)
    version = client.create_model_version(name, f"runs:/{recorded.penguins}/model", run.info.run_id).version
    client.set_registered_model_alias(name, "candidate", version)
    return str(version)


def losses(by):
    def change(frame):
        return frame.assign(**{one: by(frame[one]) for one in ("species_loss", "body_mass_loss")})

    return change


def test_a_registered_run_is_the_candidate_and_the_first_one_becomes_champion(recorded, client):
    assert alias(client, "birds", "candidate") == "1"
    assert "version 1" in promote.run("birds", None)
    assert alias(client, "birds", "champion") == "1"
    assert alias(client, "birds", "candidate") is None
    with pytest.raises(ConfigError, match="no version has the alias candidate"):
        promote.run("birds", None)


def test_only_what_is_better_beyond_noise_takes_the_place_of_the_champion(recorded, client, tmp_path):
    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    client.create_registered_model("finches")
    rng = np.random.default_rng(0)
    first = register(client, recorded, "finches", losses(lambda loss: loss), tmp_path)
    promote.run("finches", None)

    register(client, recorded, "finches", losses(lambda loss: loss + rng.normal(0, 0.3, len(loss))), tmp_path)
    assert "within noise" in promote.run("finches", None)
    register(client, recorded, "finches", losses(lambda loss: loss * 2 + 0.1), tmp_path)
    assert "is worse" in promote.run("finches", None)
    assert alias(client, "finches", "champion") == first

    better = register(client, recorded, "finches", losses(lambda loss: loss / 2), tmp_path)
    assert f"version {better} " in promote.run("finches", None)
    assert alias(client, "finches", "champion") == better


def test_the_difference_is_that_of_the_mean_skill(recorded, client, tmp_path):
    from pipeline.tracking import find_run

    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    client.create_registered_model("halves")
    version = register(client, recorded, "halves", losses(lambda loss: loss / 2), tmp_path)
    candidate = client.get_model_version("halves", version).run_id
    champion = find_run(recorded.penguins)
    gap = promote.difference(champion, find_run(candidate))
    skills = [champion.metrics[f"test/{head}_skill"] for head in ("species", "body_mass")]
    assert gap.value == pytest.approx(np.mean([(1 - skill) / 2 for skill in skills]), rel=1e-4)
    assert gap.low < gap.value < gap.high


def test_runs_that_cannot_be_compared_are_told_apart_from_noise(recorded, client, tmp_path):
    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    client.create_registered_model("others")
    register(client, recorded, "others", losses(lambda loss: loss), tmp_path)
    promote.run("others", None)
    drop = ["species_label", "species_predicted", "species_loss"]
    register(client, recorded, "others", lambda frame: frame.drop(columns=drop), tmp_path)
    with pytest.raises(ConfigError, match="different heads"):
        promote.run("others", None)
    register(client, recorded, "others", lambda frame: frame.assign(row=frame.row + 10_000), tmp_path)
    with pytest.raises(ConfigError, match="only 0 rows were predicted by all"):
        promote.run("others", None)


@pytest.mark.parametrize("factor", [np.inf, np.nan])
def test_losses_that_are_no_numbers_promote_nothing(recorded, client, tmp_path, factor):
    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    name = f"wrens{factor}"
    client.create_registered_model(name)
    register(client, recorded, name, losses(lambda loss: loss), tmp_path)
    promote.run(name, None)
    register(client, recorded, name, losses(lambda loss: loss * factor), tmp_path)
    with pytest.raises(ConfigError, match=r"^name: the losses of \w+ are infinite or missing"):
        promote.run(name, None)


def test_a_name_that_nobody_registered_ends_with_code_2_and_the_nearest(recorded):
    done = call("promote", "name=bird", where=recorded.folder)
    assert done.returncode == 2
    assert "no model is registered under this name" in done.stderr
    assert "nearest: birds" in done.stderr


def test_a_wrong_key_ends_with_code_2_before_anything_heavy_is_imported(tmp_path):
    done, heavy = processes.heavy_imports("promote", "nmae=birds", where=tmp_path)
    assert (done.returncode, heavy) == (2, set())
    assert "nmae" in done.stderr
