"""No command opens a connection but to the store; servers listen on this machine only."""

import socket
from unittest import mock

import pytest

from tests.verbs import call

WORDS = ["experiment=penguins", "trainer.epochs=1", "fusion.units=[4]", "branches.traits.units=[4]"]


@pytest.fixture
def contacted():
    """The addresses that this process looks up or connects to; nothing is sent to them."""
    found: list[object] = []

    def refuse(*address: object, **_: object) -> None:
        found.append(address)
        raise OSError("no connection in this test")

    with (
        mock.patch("socket.socket.connect", lambda self, address: refuse(address)),
        mock.patch("socket.socket.connect_ex", lambda self, address: refuse(address)),
        mock.patch("socket.getaddrinfo", refuse),
        mock.patch("socket.gethostbyname", refuse),
    ):
        yield found


def test_the_fixture_sees_connections(contacted):
    for connect in (lambda: socket.create_connection(("127.0.0.1", 1)), lambda: socket.gethostbyname("a")):
        with pytest.raises(OSError, match="no connection in this test"):
            connect()
    with socket.socket() as one, pytest.raises(OSError, match="no connection in this test"):
        one.connect(("127.0.0.1", 1))
    assert len(contacted) == 3


@pytest.mark.slow
def test_training_evaluating_and_predicting_open_no_connection(folder_with_store, contacted):
    for verb, *words in (
        ["check", *WORDS],
        ["train", *WORDS],
        ["evaluate", "run=latest", "resamples=2"],
        ["predict", "run=latest", "input=pkg://pipeline.datasets/penguins.csv", "output=out.parquet"],
        ["init", "sources=pkg://pipeline.datasets/penguins.csv"],
    ):
        done = call(verb, *words, where=folder_with_store)
        assert done.returncode == 0, done.stderr
    assert contacted == []
