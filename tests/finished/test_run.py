"""A finished run is loaded with its model, inputs and columns, and its batches fit into memory."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config.make import maker
from pipeline.data.kinds.table import Table
from pipeline.errors import ConfigError
from pipeline.finished import run as module
from pipeline.finished.run import FinishedRun, Forward, restore_input
from pipeline.job.prediction_columns import PredictionColumns

VECTOR = {"kind": "vector", "column": "s.a"}


def with_specs(**specs):
    """A run of which only the raw model inputs are known: name -> (shape, dtype)."""
    return FinishedRun(None, None, {name: {name: spec} for name, spec in specs.items()}, {}, {})


def test_a_stored_run_is_loaded_with_its_inputs_and_the_columns_of_its_heads(finished, untrained):
    assert finished.cfg.branches.traits.units == [4]
    assert isinstance(finished.inputs["traits"], Table)
    assert finished.specs == {"traits": untrained.job.dataset.inputs["traits"].specs()}
    assert finished.columns == {
        "species": PredictionColumns("category", ["Adelie", "Chinstrap", "Gentoo"]),
        "body_mass": PredictionColumns(
            "number", [f"body_mass_g q{quantile}" for quantile in (0.1, 0.5, 0.9)], [0.1, 0.5, 0.9]
        ),
    }


def test_the_loaded_model_predicts_what_the_trained_one_does(finished, untrained):
    split = untrained.job.dataset.splits["val"]
    shown = untrained.job.presenter(untrained.job.model(split.prepared))
    found = Forward(finished.model, 16)(split.raw)
    for head, values in shown.items():
        np.testing.assert_allclose(found[head], values, rtol=1e-5)


def test_old_names_in_a_stored_config_still_resolve(untrained, tmp_path):
    (tmp_path / "config").mkdir()
    text = untrained.artifact("config/config.yaml").read_text()
    assert "pipeline.losses.Pinball" in text
    old = text.replace("pipeline.losses.Pinball", "pipeline.pinball.Pinball")
    (tmp_path / "config" / "config.yaml").write_text(old)
    labels = untrained.artifact("config/labels.json").read_text()
    (tmp_path / "config" / "labels.json").write_text(labels)
    run = type(untrained)(tmp_path, untrained.job)
    (tmp_path / "model.keras").write_bytes(untrained.model().read_bytes())
    cfg = FinishedRun.of(run, maker()).cfg
    assert cfg.heads.body_mass.loss._target_ == "pipeline.losses.Pinball"
    assert json.loads(labels).keys() == cfg.heads.keys()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("kind: table", "_target_: os.system", "data.inputs.traits._target_: .*trusted_modules=.os."),
        ("kind: number", "_target_: pipeline.command.verb", "data.targets.body_mass._target_: "),
    ],
)
def test_a_stored_config_calls_only_parts(untrained, tmp_path, old, new, key):
    shutil.copytree(untrained.folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "config" / "config.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=f"^{key}"):
        FinishedRun.of(type(untrained)(tmp_path, untrained.job), maker())


@pytest.fixture
def copied(untrained, tmp_path):
    """A copy of the run, to be changed."""
    shutil.copytree(untrained.folder, tmp_path, dirs_exist_ok=True)
    return type(untrained)(tmp_path, untrained.job)


@pytest.mark.parametrize("name", ["config/config.yaml", "config/labels.json", "model.keras"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe\x00", b"data: 3\nbranches: {x: 4}"])
def test_a_file_that_somebody_changed_is_named(copied, name, content):
    (copied.folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^run: .*{name}"):
        FinishedRun.of(copied, maker())


@pytest.mark.parametrize(
    "names",
    [
        {"species": 3},
        {"species": {"Adelie": None}},
        {"species": ["Adelie"]},
        {"species": ["Adelie", "Adelie", "Gentoo"]},
        {"species": [1, 2, 3]},
    ],
)
def test_names_that_do_not_fit_the_outputs_are_refused(copied, names):
    file = copied.folder / "config" / "labels.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | names))
    with pytest.raises(ConfigError, match=r"^run: .*config/labels\.json is damaged"):
        FinishedRun.of(copied, maker())


@pytest.mark.parametrize("limits", [b"[]", b'{"species": "x"}', b'{"species": [null]}', b"\xff"])
def test_damaged_thresholds_are_refused(copied, limits):
    (copied.folder / "config" / "thresholds.json").write_bytes(limits)
    with pytest.raises(ConfigError, match=r"^run: .*config/thresholds\.json is damaged"):
        FinishedRun.of(copied, maker())


def test_a_model_that_holds_code_is_refused(copied, tmp_path):
    marker = tmp_path / "marker"
    x = keras.Input((1,), name="traits")
    text = str(marker)
    layer = keras.layers.Lambda(lambda value: [value, Path(text).touch()][0], output_shape=(1,))
    keras.Model({"traits": x}, {"species": layer(x)}).save(copied.model())
    marker.unlink(missing_ok=True)
    with pytest.raises(ConfigError, match=r"^run: the model .* holds Python code, which is not run"):
        FinishedRun.of(copied, maker())
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "name"), [("os", "system"), ("keras.utils", "get_file"), ("mine", "Layer")]
)
def test_a_model_with_a_class_of_others_is_refused(copied, module, name):
    file = copied.model()
    with zipfile.ZipFile(file) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= {"module": module, "class_name": name, "registered_name": None}
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for one, content in members.items():
            archive.writestr(one, content)
    with pytest.raises(ConfigError, match=r"^run: the model .* cannot be loaded"):
        FinishedRun.of(copied, maker())


@pytest.mark.parametrize(
    ("specs", "row"),
    [
        ({"x": ((10,), "float32")}, 40),
        ({"x": ((4, 8, 3), "uint8")}, 96),
        ({"x": ((2,), "float64"), "y": ((), "float32")}, 20),
        ({"x": ((None, 3), "float32")}, module.STEPS * 12),
        ({"x": ((), "string")}, 64),
    ],
    ids=["vector", "bytes", "two", "series of any length", "text"],
)
def test_the_batch_is_as_many_rows_as_fit_by_the_bytes_of_a_row(monkeypatch, specs, row):
    monkeypatch.setattr(module, "BATCH_BYTES", 5 * row + 1)
    assert with_specs(**specs).batch() == 5
    monkeypatch.setattr(module, "BATCH_BYTES", 5 * row - 1)
    assert with_specs(**specs).batch() == 4


def test_small_rows_come_in_batches_of_limited_size_and_large_ones_one_at_a_time():
    small, large = with_specs(x=((1,), "float32")), with_specs(x=((10_000, 10_000), "float32"))
    assert (small.batch(), small.chunk()) == (module.LARGEST_BATCH, module.LARGEST_CHUNK)
    assert (large.batch(), large.chunk()) == (1, 1)


@pytest.mark.parametrize("bytes_of_chunk", [1, 10 * 40, 29 * 40, 30 * 40])
def test_a_chunk_is_at_least_one_batch_and_a_multiple_of_it(monkeypatch, bytes_of_chunk):
    monkeypatch.setattr(module, "BATCH_BYTES", 10 * 40)
    monkeypatch.setattr(module, "CHUNK_BYTES", bytes_of_chunk)
    run = with_specs(x=((10,), "float32"))
    if bytes_of_chunk == 1:
        monkeypatch.setattr(module, "BATCH_BYTES", 40)
    expected = {1: 1, 400: 10, 29 * 40: 20, 1200: 30}
    assert run.chunk() == expected[bytes_of_chunk]


@pytest.fixture(scope="module")
def model():
    """Two inputs, of which one is text codes, to a sum and a product."""
    inputs = {"x": keras.Input((2,), name="x"), "n": keras.Input((), dtype="int32", name="n")}
    x, n = inputs["x"], keras.ops.cast(inputs["n"], "float32")[:, None]
    return keras.Model(inputs, {"sum": keras.ops.sum(x, axis=1, keepdims=True) + n, "product": x * n})


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_of_any_size_give_the_same_outputs_in_order(model, batch):
    x, n = np.arange(14.0).reshape(7, 2), np.arange(7)  # float64 and int64, cast for the model
    found = Forward(model, batch)({"x": x, "n": n})
    np.testing.assert_allclose(found["sum"][:, 0], x.sum(axis=1) + n)
    np.testing.assert_allclose(found["product"], x * n[:, None])


def test_one_graph_traced_at_the_start_serves_any_number_of_rows():
    traces = []

    class Traced(keras.layers.Layer):
        def call(self, x):
            traces.append(1)
            return x

    x = keras.Input((2,), name="x")
    forward = Forward(keras.Model({"x": x}, {"h": Traced()(x)}), 4)
    before = len(traces)
    for rows in (9, 2, 4):
        forward({"x": np.zeros((rows, 2))})
    assert len(traces) == before


def test_the_model_predicts_and_does_not_train():
    entry = keras.Input((50,), name="x")
    dropped = keras.Model({"x": entry}, {"h": keras.layers.Dropout(0.5)(entry)})
    np.testing.assert_array_equal(Forward(dropped, 2)({"x": np.ones((3, 50))})["h"], 1)


def test_an_input_is_restored_from_its_raw_model_inputs():
    source = restore_input("x", VECTOR, {"x": ((3,), "float32")})
    assert (source.name, source.width) == ("x", 3)


def test_an_input_of_ones_own_class_without_restore_is_refused():
    class Mine:
        kind = "vector"

        def references(self):
            return {"s.a": "column"}

    with pytest.raises(ConfigError, match="Mine has no method `restore`") as caught:
        restore_input("x", Mine(), {})
    assert caught.value.key == "data.inputs.x"


def test_a_run_with_other_thresholds_predicts_by_them(finished):
    columns = PredictionColumns("binary", ["late"])
    run = replace(finished, columns={"late": columns}).with_thresholds({"late": [0.2]})
    outputs = np.array([[0.1], [0.3], [0.6]])
    assert run.thresholds == {"late": [0.2]}
    assert run.columns["late"].values("late", outputs)["late_predicted"].tolist() == [0, 1, 1]
    other = run.with_thresholds({}).columns["late"]
    assert other.values("late", outputs)["late_predicted"].tolist() == [0, 0, 1]
