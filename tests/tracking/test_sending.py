import threading

import pytest
from mlflow.exceptions import MlflowException

from pipeline.tracking.sending import Sender


class Client:
    """Keeps the requests; `set_tag` and the like are not used. Fails for the names in `errors`."""

    def __init__(self, **errors: Exception) -> None:
        self.errors, self.batches, self.threads = errors, [], set()

    def log_batch(self, run_id, metrics=(), params=(), tags=()):
        self.threads.add(threading.current_thread().name)
        if error := self.errors.get("metrics" if metrics else "params"):
            raise error
        self.batches.append(
            {
                "metrics": [metric.value for metric in metrics],
                "params": {param.key: param.value for param in params},
                "tags": {tag.key: tag.value for tag in tags},
            }
        )

    def log_inputs(self, run_id, datasets):
        self.batches.append(datasets[0].dataset.digest)


ENTRIES = [
    {"kind": "metrics", "metrics": [["a", 1.0, 0, 1]]},
    {"kind": "params", "params": {"p": "1"}, "tags": {"note": "old"}},
    {"kind": "dataset", "name": "d", "digest": "abc"},
    {"kind": "metrics", "metrics": [["a", 2.0, 0, 2]]},
    {"kind": "params", "params": {"q": "2"}, "tags": {"note": "new"}},
]


def sender(client: Client, uri: str = "http://127.0.0.1:1") -> Sender:
    return Sender(client, uri, "run", "experiment", "place")  # type: ignore[arg-type]


def test_metrics_are_one_request_and_the_last_of_two_tags_counts(tmp_path):
    client = Client()
    sender(client)(ENTRIES, tmp_path)
    assert "abc" in client.batches
    assert {"metrics": [1.0, 2.0], "params": {}, "tags": {}} in client.batches
    assert {"metrics": [], "params": {"p": "1", "q": "2"}, "tags": {"note": "new"}} in client.batches
    assert len(client.batches) == 3


def test_a_database_is_written_by_one_thread(tmp_path):
    client = Client()
    sender(client, f"sqlite:///{tmp_path}/mlflow.db")(ENTRIES, tmp_path)
    assert len(client.threads) == 1


def test_an_entry_that_fails_does_not_keep_the_others_back(tmp_path):
    client = Client(metrics=ValueError("for good"))
    with pytest.raises(ValueError, match="for good"):
        sender(client)(ENTRIES, tmp_path)
    assert len(client.batches) == 2


def test_an_error_that_will_pass_comes_first_because_all_is_tried_again_then(tmp_path):
    client = Client(metrics=ValueError("for good"), params=MlflowException("API request failed"))
    with pytest.raises(MlflowException, match="API request failed"):
        sender(client)(ENTRIES, tmp_path)
