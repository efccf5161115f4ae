"""Generated bad configs end with exit code 2 and a message that names the key, and leave no run behind."""

from pathlib import Path

import pytest

from tests import stores
from tests.generated.configs import BASES, bad_config, good
from tests.generated.outcome import assert_told, no_model  # noqa: F401 - a fixture
from tests.verbs import call, without_report

CHUNK = 20  # bad configs in one test, of 10


def told(base: dict[str, object], seed: int, where: Path) -> bool:
    bad = bad_config(base, seed)
    bad.write(where)
    verb = "train" if seed % 6 == 0 else "check"
    with without_report():
        done = call(verb, "--config-dir", where, "--config-name", "bad", where=where)
    # A number may be in range and too large all the same: then a loss is told that is not finite.
    return assert_told(done, [*bad.key, "the loss of head"])


@pytest.mark.parametrize("base", BASES)
@pytest.mark.usefixtures("no_model")
def test_a_few_bad_configs_are_told_by_their_key(base, tmp_path):
    config = good(base)
    assert sum(told(config, seed, tmp_path) for seed in range(1, 13)) >= 6
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, 100))
@pytest.mark.parametrize("base", BASES)
def test_two_hundred_bad_configs_are_told_by_their_key_and_leave_no_run_open(base, first, tmp_path):
    config, refused = good(base), 0
    # Some are good: an option that is left out has its default.
    for seed in range(first, first + 2 * CHUNK):
        refused += told(config, seed, tmp_path)
        if refused == CHUNK:
            break
    assert refused == CHUNK
    if (tmp_path / "mlruns" / "mlflow.db").exists():
        assert {run.info.status for run in stores.all_runs(tmp_path)} <= {"FINISHED", "FAILED"}
