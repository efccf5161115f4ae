"""The logged model: raw values in, outputs in readable form, every input may be missing."""

import json
import zipfile

import keras
import numpy as np
import pytest

from pipeline.model import encode, export_model, raw_specs
from pipeline.model.stand_in import stand_ins
from tests import processes
from tests.model.jobs import exported, job, train
from tests.model.parts import FUSIONS, make, tensors


def test_the_exported_model_takes_raw_values_and_equals_the_trained_one(dataset):
    model, presenter = make(dataset, FUSIONS[1])
    whole = export_model(dataset.inputs, model, presenter, {})
    split = dataset.splits["test"]
    wanted = presenter(model(split.prepared))
    for head, values in whole(tensors(split.raw)).items():
        np.testing.assert_allclose(values, wanted[head], rtol=1e-4, atol=1e-5)


@pytest.fixture
def saved(dataset, tmp_path):
    """A saved model: its file, the raw test rows, and what the model gives for them."""
    model, presenter = make(dataset, FUSIONS[2])
    whole = export_model(dataset.inputs, model, presenter, {})
    whole.save(tmp_path / "model.keras")
    raw = tensors(dataset.splits["test"].raw)
    return tmp_path / "model.keras", raw, whole(raw)


def modules(config):
    """The Python modules that a saved model names."""
    nodes = config.values() if isinstance(config, dict) else config if isinstance(config, list) else []
    found = {config["module"]} if isinstance(config, dict) and "module" in config else set()
    return found.union(*map(modules, nodes))


def test_the_saved_model_is_made_of_keras_alone(saved):
    file, raw, expected = saved
    with zipfile.ZipFile(file) as archive:
        names = modules(json.loads(archive.read("config.json")))
    assert {name.partition(".")[0] for name in names if name} <= {"keras", "builtins"}
    outputs = keras.saving.load_model(file, safe_mode=True)(raw)
    for head, values in expected.items():
        np.testing.assert_allclose(outputs[head], values, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_saved_model_loads_with_keras_alone(saved, tmp_path):
    file, raw, expected = saved
    np.savez(
        tmp_path / "raw.npz",
        **{k: np.asarray(v).astype(str) if v.dtype == "string" else v for k, v in raw.items()},
    )
    code = f"""
import sys, keras, numpy as np, tensorflow as tf
model = keras.saving.load_model({str(file)!r}, safe_mode=True)
raw = np.load({str(tmp_path / "raw.npz")!r})
out = model({{k: tf.constant(raw[k]) for k in raw}})
np.savez({str(tmp_path / "out.npz")!r}, **{{k: np.asarray(v) for k, v in out.items()}})
assert "pipeline" not in sys.modules
"""
    done = processes.python(code, where=tmp_path)
    assert done.returncode == 0, done.stderr
    outputs = np.load(tmp_path / "out.npz")
    for head, values in expected.items():
        np.testing.assert_allclose(outputs[head], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dropout", [0, 0.2])
def test_the_exported_model_puts_the_stand_in_where_any_row_lacks_an_input(planted_folder, dropout, all_rows):
    made = job(planted_folder, *(f"branches.{name}.dropout_input={dropout}" for name in ("image", "series")))
    train(made)
    whole, vectors = exported(made), stand_ins(made.model, made.rows["train"])
    for name in ("image", "series"):
        raw = {key: np.array(x[:6], "float32") for key, x in made.dataset.splits["test"].raw.items()}
        raw[name][1:4] = np.nan
        encoded = encode(made.model, made.rows["test"].inputs, training=False)
        features = {key: np.array(x[:6]) for key, x in encoded.items()}
        features[name][1:4] = vectors[name]
        fused = made.model.get_layer("fusion")(features)
        due = made.presenter({head: made.model.get_layer(f"head_{head}")(fused) for head in made.heads})
        for head, values in whole(raw).items():
            np.testing.assert_allclose(values, due[head], rtol=1e-4, atol=1e-5)


def test_an_input_may_be_called_like_anothers_mean(planted_folder, all_rows):
    inputs = [
        "+data.inputs.image_mean={kind: series, column: planted.series}",
        "+branch@branches.image_mean=conv1d",
    ]
    made = job(planted_folder, *inputs, "branches.image_mean.filters=[4]")
    raw = {key: np.array(x[:3], "float32") for key, x in made.dataset.splits["test"].raw.items()}
    raw["image"][:] = np.nan
    assert all(np.isfinite(values).all() for values in exported(made)(raw).values())


def test_the_exported_model_tells_which_inputs_are_bytes(planted_folder):
    whole = exported(job(planted_folder))
    assert raw_specs(whole, "image") == {"image": ((8, 8, 1), "uint8")}
    assert raw_specs(whole, "series") == {"series": ((None, 2), "float32")}
