"""The one form of message."""

import pickle

import numpy as np

from pipeline.errors import ConfigError


def test_the_nearest_name_is_suggested() -> None:
    error = ConfigError("loss_weights.clas", "no such head", found="clas", allowed=["class", "score"])
    assert str(error).splitlines() == [
        "loss_weights.clas: no such head",
        "  found:   clas",
        "  allowed: class, score",
        "  nearest: class",
    ]


def test_values_are_written_as_people_write_them() -> None:
    assert "found:   3\n" in f"{ConfigError('k', 'p', found=np.int8(3))}\n"
    assert "found:   0.5\n" in f"{ConfigError('k', 'p', found=np.float32(0.5))}\n"


def test_a_message_survives_the_way_between_processes() -> None:
    error = ConfigError("k", "p", found="a", allowed=["b"])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.key, again.found) == (str(error), "k", "a")
