"""Exported files: compared before they are put in their place."""

import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipeline import export as command
from pipeline.errors import ConfigError
from pipeline.finished import exporting
from pipeline.finished.exporting import TOLERANCE, Stored, compare, export
from pipeline.finished.formats.onnx import Onnx
from pipeline.finished.formats.serving import CannotHoldError, plain_names
from pipeline.finished.run import Forward
from tests.verbs import call


class Copy:
    """A format that computes what the model does, but for what a test changes."""

    change = staticmethod(lambda arrays, outputs: outputs)

    def __init__(self, finished):
        self.forward = Forward(finished.model, 256)

    def write(self, model, path):
        path.write_text("written")

    def open(self, path):
        pass

    def run(self, arrays):
        return self.change(arrays, self.forward(arrays))


@pytest.fixture
def stored(untrained, finished):
    """The validation rows, with the predictions that the model makes for them."""
    part = untrained.job.dataset.splits["val"]
    columns = {"row": part.rows, "body_mass_label": part.numbers["body_mass"][:, 0]}
    for head, values in Forward(finished.model, 256)(part.raw).items():
        columns |= finished.columns[head].values(head, values)
    frame = pd.DataFrame(
        {name: list(values) if values.ndim > 1 else values for name, values in columns.items()}
    )
    return Stored(part.rows, dict(part.raw), frame.sample(frac=1, random_state=0))


@pytest.fixture
def put(monkeypatch, finished):
    """Register a format whose outputs a test changes."""

    def registered(change=None, write=None):
        form = Copy(finished)
        form.change = change or form.change
        form.write = write or form.write
        monkeypatch.setitem(exporting.FORMATS, "copy", lambda: form)

    return registered


def test_a_file_that_computes_the_same_is_put_in_its_place_with_new_folders(finished, stored, put, tmp_path):
    put()
    found = export(finished, stored, "copy", tmp_path / "a" / "b" / "model")
    assert (found.rows, found.logged, found.model) == (len(stored.rows), 0, 0)
    assert found.without >= 16 * 7
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["model"]


def only_without(key):
    def change(arrays, outputs):
        values = arrays[key]
        gone = np.all(values == "") if values.dtype == object else np.isnan(values).all()
        return {**outputs, "species": outputs["species"] + 2e-4} if gone else outputs

    return change


def nan(arrays, outputs):
    return {**outputs, "body_mass": outputs["body_mass"] * np.nan}


def shifted(arrays, outputs):
    return {**outputs, "species": outputs["species"] + 2e-4}


def one_row(arrays, outputs):
    rows = len(outputs["species"])
    return {**outputs, "species": outputs["species"] + (2e-4 if rows == 1 else 0)}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (shifted, "the validation rows"),
        (nan, "the validation rows"),
        (one_row, "a single row"),
        (only_without("traits.sex"), "rows without traits.sex"),
        (only_without("traits.bill_depth_mm"), "rows without traits.bill_depth_mm"),
    ],
)
def test_a_file_that_computes_something_else_leaves_nothing_behind(
    finished, stored, put, tmp_path, change, where
):
    put(change)
    with pytest.raises(ConfigError, match=f"in {where} the written file computes something else"):
        export(finished, stored, "copy", tmp_path / "new" / "model")
    assert list(tmp_path.iterdir()) == []


def test_differences_within_the_tolerance_pass_and_numbers_count_in_standard_deviations(
    finished, stored, put, tmp_path
):
    put(lambda arrays, outputs: {**outputs, "body_mass": outputs["body_mass"] + 1e-3})  # of 800 g
    assert export(finished, stored, "copy", tmp_path / "model").model == pytest.approx(1e-3 / 800, rel=0.2)


def test_a_model_that_no_longer_computes_the_logged_predictions_is_not_exported(
    finished, stored, put, tmp_path
):
    put()
    stored.predictions["body_mass_predicted"] += 10
    with pytest.raises(ConfigError, match="on this machine the logged model computes something else"):
        export(finished, stored, "copy", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_cannot_hold_the_model_says_why(finished, stored, put, tmp_path):
    def write(model, path):
        path.write_text("half")
        raise CannotHoldError("no strings here")

    put(write=write)
    with pytest.raises(ConfigError, match="no strings here; nothing was written"):
        export(finished, stored, "copy", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_litert_names_the_inputs_that_are_strings(finished, stored, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot look up strings.*traits\.island, traits\.sex"):
        export(finished, stored, "litert", tmp_path / "model.tflite")


@pytest.mark.slow
def test_a_saved_model_holds_strings_and_missing_cells(finished, stored, tmp_path):
    found = export(finished, stored, "saved_model", tmp_path / "model")
    assert (found.logged, found.model) == (0, 0)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    names = {
        spec.name for spec in loaded.signatures["serving_default"].structured_input_signature[1].values()
    }
    assert names == set(plain_names(finished.model).values())


def test_numbers_and_images_go_to_litert(recorded, planted_folder):
    """The whole command, on a series whose preparation is in float64."""
    words = ("export", f"run={recorded.planted}", "format=litert", "out=out/planted.tflite")
    done = call(*words, "--config-dir", planted_folder, where=recorded.folder)
    assert done.returncode == 0, done.stderr
    assert "compared on 200 stored rows, and on " in done.stdout
    assert (
        float(re.search(r"logged\npredictions is ([\d.e-]+)|predictions is ([\d.e-]+)", done.stdout)[2])
        < 1e-4
    )
    assert [path.name for path in (recorded.folder / "out").iterdir()] == ["planted.tflite"]
    again = call(*words, "--config-dir", planted_folder, where=recorded.folder)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


def with_onnx():
    for package in command.PACKAGES["onnx"]:
        pytest.importorskip(package, reason="the export to ONNX needs packages that are not in the lock file")


def test_onnx_holds_strings_and_missing_cells(finished, stored, tmp_path):
    with_onnx()
    found = export(finished, stored, "onnx", tmp_path / "model.onnx")
    assert max(found.logged, found.model) < TOLERANCE
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_onnx_holds_images_and_series_with_missing_steps(recorded, planted_folder):
    with_onnx()
    words = ("export", f"run={recorded.planted}", "format=onnx", "out=onnx/planted.onnx")
    done = call(*words, "--config-dir", planted_folder, where=recorded.folder)
    assert done.returncode == 0, done.stderr
    assert "compared on 200 stored rows, and on " in done.stdout


def test_onnx_refuses_texts(tmp_path):
    words = keras.Input((), dtype="string", name="title")
    look_up = keras.layers.TextVectorization(vocabulary=["a"], output_sequence_length=2)
    model = keras.Model({"title": words}, {"t": look_up(words)})
    with pytest.raises(CannotHoldError, match=r"cannot split texts into words.*title"):
        Onnx().write(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_ends_with_the_command_that_installs_it(recorded, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    done = call("export", f"run={recorded.planted}", "format=onnx", "out=a.onnx", where=recorded.folder)
    assert done.returncode == 2
    assert "pip install tf2onnx onnx onnxruntime" in done.stderr


def test_the_command_knows_the_same_formats():
    assert set(command.SUFFIXES) == set(command.PACKAGES) == set(exporting.FORMATS)


def test_compare_takes_the_rows_by_their_number(finished, stored):
    other = Stored(stored.rows[::-1], {k: v[::-1] for k, v in stored.arrays.items()}, stored.predictions)
    assert compare(finished, other, Copy(finished)).logged == 0


def test_rows_of_which_only_the_labels_are_logged_are_compared_with_the_model(finished, stored):
    labels = Stored(stored.rows, stored.arrays, stored.predictions[["row", "body_mass_label"]])
    found = compare(finished, labels, Copy(finished))
    assert found.logged is None
    assert (found.rows, found.model) == (len(stored.rows), 0)
