"""Why a run failed: a line as a tag, and the traceback as a file, without secrets."""

import pytest

from pipeline.tracking import connect, log_failure


@pytest.fixture
def run(folder_with_store):
    client, _, experiment = connect(f"sqlite:///{folder_with_store}/mlruns/mlflow.db", "e")
    return client, client.create_run(experiment).info.run_id


def test_the_reason_is_the_first_line_and_never_too_long(run):
    client, run_id = run
    log_failure(client, run_id, ValueError("x" * 1000 + "\nand more"))
    assert client.get_run(run_id).data.tags["pipeline.failure"] == ("ValueError: " + "x" * 1000)[:500]


def test_neither_the_reason_nor_the_traceback_holds_a_secret(run, tmp_path):
    client, run_id = run
    log_failure(client, run_id, ValueError("http://ann:s3cr3t-word@127.0.0.1 was refused"))
    assert "s3cr3t-word" not in client.get_run(run_id).data.tags["pipeline.failure"]
    text = (tmp_path / client.download_artifacts(run_id, "traceback.txt", str(tmp_path))).read_text()
    assert text.startswith("ValueError: http://ann@127.0.0.1")
    assert "s3cr3t-word" not in text
