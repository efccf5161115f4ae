"""A model that consists of one branch."""

import keras


def model_of(branch, shape, dtype="float32", vocabularies=()):
    keras.utils.set_random_seed(0)
    entry = keras.Input(shape, dtype=dtype)
    return keras.Model(entry, branch(entry, name="input", vocabularies=vocabularies))
