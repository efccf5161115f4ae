"""A run that version 0.1.0 stored goes on, is evaluated and predicts as it did then."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import stores
from tests.stored.make import ANYWHERE, processor
from tests.verbs import call


@dataclass(frozen=True)
class Stored:
    """The folder of the run, and what version 0.1.0 made of it."""

    folder: Path
    run_id: str
    numbers: dict[str, dict[str, float]]
    predictions: pd.DataFrame
    tolerance: float


@pytest.fixture
def stored(tmp_path) -> Stored:
    """The stored run, unpacked."""
    with tarfile.open(Path(__file__).with_name("run_0_1.tar.xz")) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 knows it
        archive.extractall(tmp_path)
    stores.replace_paths(tmp_path / "mlruns" / "mlflow.db", ANYWHERE, str(tmp_path))
    (origin,) = tmp_path.glob("mlruns/checkpoints/*/origin.json")
    origin.write_text(origin.read_text().replace(ANYWHERE, str(tmp_path)))
    numbers = json.loads((tmp_path / "expected" / "numbers.json").read_text())
    # Processors with other vector instructions add up in another order.
    exact = numbers.pop("processor") == processor()
    predictions = pd.read_parquet(tmp_path / "expected" / "predictions.parquet")
    return Stored(tmp_path, origin.parent.name, numbers, predictions, 0 if exact else 1e-4)


def test_a_stored_run_resumes_to_the_numbers_of_a_run_without_a_break(stored, no_report):
    words = [f"resume={stored.run_id}", "trainer.epochs=4", "tracking.log_model=false"]
    done = call("train", *words, where=stored.folder)
    assert done.returncode == 0, done.stderr
    (run,) = stores.all_runs(stored.folder)
    assert run.info.status == "FINISHED"
    # Version 0.1 scaled inputs in float32.
    check(run.data.metrics, stored.numbers["resumed"], max(1e-5, stored.tolerance))


def test_a_stored_run_is_evaluated_to_the_same_numbers(stored):
    words = ["run=stored", "split=test", "resamples=20"]
    done = call("evaluate", *words, where=stored.folder)
    assert done.returncode == 0, done.stderr
    (run,) = stores.all_runs(stored.folder)
    # Version 0.1 compared predictions with labels that were decoded from float32.
    check(run.data.metrics, stored.numbers["evaluated"], max(1e-7, stored.tolerance))


def test_a_stored_run_predicts_the_same_table(stored):
    done = call("predict", "run=stored", "input=rows.csv", "output=predictions.parquet", where=stored.folder)
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(stored.folder / "predictions.parquet")
    options = {"check_exact": True} if not stored.tolerance else {"rtol": stored.tolerance}
    pd.testing.assert_frame_equal(found, stored.predictions, **options)


def check(found: dict[str, float], due: dict[str, float], tolerance: float) -> None:
    assert set(due) <= set(found)
    for name, value in due.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


def test_a_stored_config_that_somebody_changed_calls_only_parts(stored):
    (config,) = stored.folder.glob("mlruns/checkpoints/*/config.yaml")
    text = config.read_text().replace("keras.optimizers.Adam", "os.system")
    config.write_text(text.replace("trusted_modules: []", "trusted_modules: [os]"))
    done = call("train", f"resume={stored.run_id}", "trainer.epochs=4", where=stored.folder)
    assert done.returncode == 2
    assert done.stderr.startswith("optimizer._target_: this is no part")
    assert "trusted_modules=[os] to the command line" in done.stderr
