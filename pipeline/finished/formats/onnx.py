"""ONNX: one file for many runtimes, written by tf2onnx from a SavedModel and run by ONNX Runtime."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from pipeline.finished.formats.onnx_where import restore_choices
from pipeline.finished.formats.saved_model import SavedModel
from pipeline.finished.formats.serving import CannotHoldError, plain_names
from pipeline.model.ensemble import members_of

OPSET = 18  # of December 2022
LACKING = re.compile(
    r"(?:Failed to convert node '[^']*' \(fct=<bound method (\w+)|Tensorflow op \[[^:\]]*: (\w+)\])"
)


class Onnx:
    """Holds numbers and categories; it has no words of texts.

    tf2onnx may write files that no runtime takes, so that only a file that ONNX Runtime opens counts.
    """

    def write(self, model: keras.Model, path: Path) -> None:
        """Write an .onnx file; letters, digits and _ are left of the inputs' names."""
        layers = [layer for member in members_of(model) for layer in member.layers]
        texts = {x.input.name for x in layers if isinstance(x, keras.layers.TextVectorization)}
        if texts:
            raise CannotHoldError(
                f"ONNX cannot split texts into words, as these inputs need: {', '.join(texts)}"
            )
        with tempfile.TemporaryDirectory() as folder:
            SavedModel().write(model, Path(folder) / "saved_model")
            command = [sys.executable, "-m", "tf2onnx.convert", "--opset", str(OPSET)]
            command += ["--saved-model", f"{folder}/saved_model", "--output", str(path)]
            # In a process of its own: tf2onnx changes TensorFlow's state, and logs pages of warnings.
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if lacking := {first or second for first, second in LACKING.findall(done.stderr)}:
            raise CannotHoldError(f"tf2onnx cannot write {', '.join(sorted(lacking))}, which this model has")
        if done.returncode or not path.exists():
            raise CannotHoldError(f"tf2onnx cannot write this model: {_last_line(done.stderr)}")
        _restore_choices(path)
        self.names = plain_names(model)

    def open(self, path: Path) -> None:
        """Load a file for `run`."""
        import onnxruntime

        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors have no common class
            raise CannotHoldError(f"ONNX Runtime does not take the file: {_last_line(str(error))}") from error

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the model; raw values by input -> (rows, width) by head."""
        taken = {one.name for one in self.session.get_inputs()}
        feeds = {plain: arrays[name] for name, plain in self.names.items() if plain in taken}
        heads = [one.name for one in self.session.get_outputs()]
        try:
            return dict(zip(heads, self.session.run(heads, feeds), strict=True))
        except Exception as error:
            raise CannotHoldError(f"ONNX Runtime cannot run the file: {_last_line(str(error))}") from error


def _restore_choices(path: Path) -> None:
    import onnx

    written = onnx.load(str(path))
    restore_choices(written.graph, onnx.helper.make_node)
    onnx.save(written, str(path))


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
