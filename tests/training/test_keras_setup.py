"""Seeds, precision and threads, set before anything is built."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.training.keras_setup import set_up
from tests.verbs import without_collection

OPTIONS = {"seed": 0, "precision": "float32", "threads": "auto", "deterministic": False}


@pytest.fixture(autouse=True)
def float32():
    """Later tests find the precision that they expect."""
    with without_collection():
        yield
    keras.config.set_dtype_policy("float32")


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    def weights(seed):
        set_up(**OPTIONS | {"seed": seed})
        return keras.layers.Dense(3)(np.ones((1, 2), "float32"))

    np.testing.assert_array_equal(weights(1), weights(1))
    assert np.abs(weights(1) - weights(2)).max() > 0


def test_names_begin_anew_in_every_run():
    for _ in range(2):
        set_up(**OPTIONS)
        assert keras.layers.Dense(1).name == "dense"


def test_the_precision_is_that_of_new_layers():
    set_up(**OPTIONS | {"precision": "mixed_float16"})
    assert keras.layers.Dense(1).compute_dtype == "float16"


def test_another_number_of_threads_is_refused_once_tensorflow_runs():
    tf.ones(1)
    now = tf.config.threading.get_intra_op_parallelism_threads()
    set_up(**OPTIONS | {"threads": now})
    with pytest.raises(ConfigError, match=r"trainer\.threads: TensorFlow already runs"):
        set_up(**OPTIONS | {"threads": now + 1})


def test_threads_of_an_operation_and_between_operations_are_set(monkeypatch):
    threads = {}
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(
            tf.config.threading, name, lambda number, kind=kind: threads.update({kind: number})
        )
    set_up(**OPTIONS | {"threads": 64})
    assert threads == {"intra": 64, "inter": 2}


def test_determinism_is_asked_for_only_where_it_is_wanted(monkeypatch):
    calls = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append(1))
    set_up(**OPTIONS)
    assert calls == []
    set_up(**OPTIONS | {"deterministic": True})
    assert calls == [1]
