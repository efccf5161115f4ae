"""A loss that becomes NaN late in a training costs no epoch before it, and the run can go on."""

from unittest import mock

import numpy as np
import pytest

from pipeline.training.trainer import Trainer
from tests import stores
from tests.verbs import call, without_report

BAD_EPOCH = 3
WORDS = ["experiment=penguins", "schedule=constant", "optimizer.learning_rate=0.01", "trainer.epochs=4"]
QUICK = ["insight=off", "tracking.log_model=false"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run whose third epoch diverges: its folder, how the command ended, and the run."""
    folder, train, epochs = tmp_path_factory.mktemp("stopped"), Trainer.train, []

    def diverge(self, *arguments):
        epochs.append(self)
        if len(epochs) == BAD_EPOCH:
            self.optimizer.learning_rate.assign(1e30)
        return train(self, *arguments)

    with mock.patch.object(Trainer, "train", diverge), without_report():
        done = call("train", *WORDS, *QUICK, where=folder)
    (run,) = stores.all_runs(folder)
    return folder, done, run


def test_the_run_fails_with_a_message_that_says_where_and_what_to_try(stopped):
    _, done, run = stopped
    assert (done.returncode, run.info.status) == (2, "FAILED")
    assert "Traceback" not in done.stderr
    for words in (
        f"epoch {BAD_EPOCH}: the loss of head ",
        "largest gradient: ",
        f"resume={run.info.run_id}",
        "optimizer.learning_rate=0.001",
        "trainer.gradient_clip=1",
    ):
        assert words in done.stderr
    assert run.data.tags["pipeline.failure"].startswith(
        f"NotFiniteError: epoch {BAD_EPOCH}: the loss of head "
    )


def test_the_kept_epoch_is_tested_and_logged(stopped):
    folder, done, run = stopped
    assert run.data.metrics["best/epoch"] < BAD_EPOCH
    assert np.isfinite(run.data.metrics["test/skill"])
    assert f"stopped in epoch {BAD_EPOCH}" in done.stdout
    assert stores.artifact(folder, run, "predictions/test.parquet").exists()


def test_the_batch_is_kept(stopped):
    folder, _, run = stopped
    with np.load(stores.artifact(folder, run, "not_finite/batch.npz")) as batch:
        rows, codes = batch["row"], batch["label species"]
    assert 0 < len(rows) == len(codes) <= 32


@pytest.mark.slow
def test_the_run_goes_on_with_another_learning_rate_where_its_losses_were_finite(stopped):
    folder, _, run = stopped
    with without_report():
        done = call(
            "train", f"resume={run.info.run_id}", "optimizer.learning_rate=0.001", *QUICK, where=folder
        )
    assert done.returncode == 0, done.stderr
    (again,) = stores.all_runs(folder)
    assert again.info.status == "FINISHED"
    assert stores.steps(folder, again, "train/loss") == [1, 2, 3, 4]
    config = stores.artifact(folder, again, "config/config.yaml").read_text()
    assert "learning_rate: 0.001" in config
