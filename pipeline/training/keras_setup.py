"""Threads, precision and seeds, which must be set before anything is built."""

import keras
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.training.gpus import set_up_gpus


def set_up(
    *, seed: int, precision: str, threads: int | str, deterministic: bool, shared: bool = False
) -> None:
    """Prepare this process for one run and clear the Keras state of earlier runs.

    Args:
        precision: a Keras dtype policy.
        threads: CPU threads of this process, or "auto" for all.
        shared: other trials run on this machine at the same time; see `set_up_gpus`.
        deterministic: reject operations that are not reproducible; applies until the process ends.

    Raises:
        ConfigError: TensorFlow already uses another number of threads in this process.
    """
    set_up_gpus(shared=shared)
    keras.backend.clear_session()
    if threads != "auto":
        _set_threads(int(threads))
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)


def _set_threads(threads: int) -> None:
    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(threads, 2))
    except RuntimeError as error:
        raise ConfigError(
            "trainer.threads",
            "TensorFlow already runs in this process with another number of threads",
            found=threads,
            allowed=str(tf.config.threading.get_intra_op_parallelism_threads() or "auto"),
        ) from error
