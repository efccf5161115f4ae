"""TensorFlow's SavedModel: a folder that TensorFlow, TensorFlow Serving and its bindings run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.finished.formats.serving import Served, signature


class SavedModel:
    """Holds everything: strings, texts with their folding, and numbers in float64."""

    def write(self, model: keras.Model, path: Path) -> None:
        """Write a folder; its endpoint `serve` takes the inputs under their own names."""
        served = Served(model)
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.track(served)
        archive.add_endpoint("serve", served.__call__, input_signature=[signature(model)])
        archive.write_out(str(path), verbose=False)

    def open(self, path: Path) -> None:
        """Load a folder for `run`."""
        self.loaded = tf.saved_model.load(str(path))

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the model; raw values by input -> (rows, width) by head."""
        specs: Mapping[str, Any] = self.loaded.serve.input_signature[0]
        tensors = {name: tf.constant(arrays[name], spec.dtype) for name, spec in specs.items()}
        return {head: values.numpy() for head, values in self.loaded.serve(tensors).items()}
