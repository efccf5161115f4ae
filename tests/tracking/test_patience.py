import pytest
from mlflow.exceptions import MlflowException

from pipeline.tracking import patience
from pipeline.tracking.patience import is_away, patient

AWAY = MlflowException("API request to endpoint … failed with exception HTTPConnectionPool: refused")


class Client:
    """Fails for the given errors, one per request, then answers."""

    tracking_uri = "there"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def get_run(self, run_id: str) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return run_id


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time passes only in pauses; holds the seconds."""
    passed = [0.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: passed[0])
    monkeypatch.setattr(patience.time, "sleep", lambda seconds: passed.__setitem__(0, passed[0] + seconds))
    return passed


def of(*errors: Exception):
    return patient(Client(*errors), "http://user:secret@127.0.0.1:5000")  # type: ignore[arg-type]


def test_a_request_waits_for_a_server_that_is_away(clock, caplog):
    assert of(AWAY, AWAY, AWAY).get_run("r") == "r"
    assert clock[0] == 3 * patience.PAUSE
    (record,) = caplog.records
    assert "does not answer" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_several_requests_wait_a_minute_in_all(clock):
    client = of(*[AWAY] * 1000)
    for _ in range(5):
        with pytest.raises(MlflowException, match="refused"):
            client.get_run("r")
    assert clock[0] <= patience.PATIENCE


def test_a_server_that_was_back_gets_a_whole_minute_again(clock):
    client = of(AWAY)
    client.get_run("r")
    client.client.errors = [AWAY] * 20
    assert client.get_run("r") == "r"


def test_what_a_server_refuses_is_raised_at_once(clock):
    with pytest.raises(MlflowException, match="no such run"):
        of(MlflowException("no such run")).get_run("r")
    assert clock[0] == 0


def test_only_a_client_of_a_server_waits():
    client = Client()
    assert patient(client, "sqlite:///mlflow.db") is client  # type: ignore[arg-type]
    assert of().tracking_uri == "there"
    assert not is_away(ValueError("failed with exception"))
