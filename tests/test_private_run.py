"""A value of the environment is used by a run and stands in none of its files, and in no output."""

import os

import pytest
from omegaconf import OmegaConf

from tests import stores
from tests.verbs import call, without_report

SECRET = "hunter22-of-nobody"
WORDS = [
    "data=penguins",
    "branches=auto",
    "heads=auto",
    "trainer.epochs=1",
    "insight=off",
    "tracking.log_model=false",
    "+tracking.tags.token=${oc.env:A_TOKEN}",
    "tracking.run_name=of ${oc.env:A_TOKEN}",
]


@pytest.mark.slow
def test_a_value_of_the_environment_is_in_no_file_and_no_output_and_is_read_again(
    folder_with_store, monkeypatch
):
    monkeypatch.setenv("A_TOKEN", SECRET)
    done = call("train", *WORDS, where=folder_with_store)
    assert done.returncode == 0, done.stderr
    (run,) = stores.all_runs(folder_with_store)
    assert run.data.tags["token"] == "${oc.env:A_TOKEN}"
    resume = [f"resume={run.info.run_id}", "trainer.epochs=2", "+tracking.tags.token=${oc.env:A_TOKEN}"]
    with without_report():
        again = call("train", *resume, where=folder_with_store)
    assert again.returncode == 0, again.stderr
    assert SECRET not in done.stdout + done.stderr + again.stdout + again.stderr
    files = [path for path in folder_with_store.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    config = OmegaConf.load(stores.artifact(folder_with_store, run, "config/config.yaml"))
    assert config.tracking.tags.token == SECRET  # read from the environment
    assert os.environ["A_TOKEN"] == SECRET
