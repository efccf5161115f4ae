"""Logged models, and their versions in the registry."""

import contextlib
from dataclasses import asdict

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from pipeline.errors import ConfigError
from pipeline.folding import FOLDED
from pipeline.times import TIME_OF_DAY, TimeForm
from pipeline.tracking import connect, find_run, open_run
from pipeline.tracking.models import CANDIDATE, CHAMPION, promote, send_model, version_of


@pytest.fixture
def uri(folder_with_store, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder_with_store)
    return f"sqlite:///{folder_with_store}/mlruns/mlflow.db"


@pytest.fixture
def client(uri):
    """A registry with one model, `birds`, of two versions without files."""
    client, _, experiment = connect(uri, "e")
    client.create_registered_model("birds")
    for _ in range(2):
        run_id = client.create_run(experiment).info.run_id
        client.create_model_version("birds", f"{uri}/none", run_id)
    return client


def numbers(client, name):
    """Alias -> version."""
    return {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}


def test_a_model_is_logged_under_its_names_and_becomes_the_candidate(uri):
    rows, size = keras.Input((3,), name="rows"), keras.Input((), name="size")
    outputs = {"kind": keras.layers.Dense(2, name="dense")(rows), "sum": keras.layers.Reshape((1,))(size)}
    model = keras.Model({"rows": rows, "size": size}, outputs)
    specs = {"rows": ((3,), "float32"), "size": ((), "float32")}
    example = {"rows": np.zeros((2, 3), "float32"), "size": np.zeros(2, "float32")}
    with open_run(connect(uri, "e"), run_name="r", params={}, tags={}) as run:
        run.log_model(model, specs, example, "birds")
    assert numbers(run.client, "birds") == {CANDIDATE: 1}
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    inputs = {"rows": np.ones((2, 3), "float32"), "size": np.array([1.0, 2.0], "float32")}
    found = loaded.predict(inputs)
    for name, values in model(inputs).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)
    assert loaded.metadata.signature.inputs.input_names() == ["rows", "size"]
    assert {one.name: one.shape for one in loaded.metadata.signature.outputs.inputs} == {
        "kind": (-1, 2),
        "sum": (-1, 1),
    }
    assert loaded.metadata.metadata["inputs"]["rows"] == {"dtype": "float32", "shape": [-1, 3]}
    run.client.set_tag(run.run_id, "pipeline.version", "1")
    assert find_run("r").model().name == "model.keras"


@pytest.fixture
def unsent(client, tmp_path):
    """A run, and a function that sends a model's files to it; takes what links metrics to the model."""
    experiment = client.get_experiment_by_name("e").experiment_id
    run_id = client.create_run(experiment).info.run_id
    (tmp_path / "model").mkdir()
    Model(run_id=run_id).save(str(tmp_path / "model" / "MLmodel"))
    options = {"params": {}, "register": None, "upload": lambda folder, place: None}
    return run_id, lambda link: send_model(client, run_id, experiment, tmp_path, link=link, **options)


@pytest.mark.parametrize("request_name", ["finalize_logged_model", "log_outputs", "link"])
def test_a_model_is_sent_once_although_a_server_interrupted_it(client, unsent, monkeypatch, request_name):
    """A request may have been carried out although its answer was lost, and so may its neighbours."""
    run_id, send = unsent
    linked = []
    carried_out = getattr(client, request_name, linked.append)

    def loses_its_answer(*words):
        carried_out(*words)
        raise MlflowException("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(client, request_name, loses_its_answer, raising=False)
        # It finds out by itself whether the output is named.
        lost = contextlib.nullcontext() if request_name == "log_outputs" else pytest.raises(MlflowException)
        with lost:
            send(getattr(client, "link", linked.append))
    send(linked.append)
    (model,) = client.search_logged_models([client.get_run(run_id).info.experiment_id])
    assert str(model.status) == "READY"
    assert [one.model_id for one in client.get_run(run_id).outputs.model_outputs] == [model.model_id]
    assert set(linked) == {model.model_id}


def test_a_run_that_cannot_have_an_output_is_an_error(client, unsent):
    run_id, send = unsent
    client.delete_run(run_id)
    with pytest.raises(MlflowException, match=run_id):
        send(lambda model_id: None)


@pytest.fixture(scope="module")
def of_series(tmp_path_factory):
    """A logged model with a head of classes, and with inputs of whole series and of numbers."""
    series, size = keras.Input((None, 2), name="series"), keras.Input((), name="size")
    pooled = keras.layers.GlobalAveragePooling1D()(series)
    outputs = {
        "kind": keras.layers.Dense(2, activation="softmax", name="dense")(pooled),
        "sum": keras.layers.Reshape((1,))(size),
    }
    specs = {"series": ((None, 2), "float32"), "size": ((), "float32")}
    example = {"series": np.zeros((2, 3, 2), "float32"), "size": np.zeros(2, "float32")}
    names = {"kind": ["bird", "fish"]}
    uri = f"sqlite:///{tmp_path_factory.mktemp('series')}/mlruns/mlflow.db"
    with open_run(connect(uri, "e"), run_name="r", params={}, tags={}) as run:
        model = keras.Model({"series": series, "size": size}, outputs)
        run.log_model(model, specs, example, None, {}, {"all": names, "one": names}, {"sum": [1.5]})
    return mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")


SERVED = "__pyfunc_model_path__"  # MLflow sets this variable in the processes of a server
FRAME = pd.DataFrame(
    {"size": [1.0, 2.0], "series": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]}, index=[7, 9]
)


def test_a_data_frame_predicts_whatever_its_index_and_the_order_of_its_columns(of_series):
    due = of_series.predict({"size": FRAME["size"].to_numpy(), "series": np.array(FRAME["series"].tolist())})
    for frame in (FRAME, FRAME[["series", "size"]], FRAME.set_axis(["a", "b"])):
        found = of_series.predict(frame)
        for head, values in due.items():
            np.testing.assert_allclose(found[head], values, rtol=1e-6)
    one = of_series.predict(FRAME[1:])
    np.testing.assert_allclose(one["kind"], due["kind"][1:], rtol=1e-6)


def test_a_data_frame_without_rows_predicts_none(of_series):
    found = of_series.predict(FRAME[:0])
    assert {head: values.shape for head, values in found.items()} == {"kind": (0, 2), "sum": (0, 1)}
    empty = {"size": np.array([], object), "series": np.array([], object)}
    with pytest.raises(MlflowException, match="has no rows"):
        of_series.predict(empty)


def test_the_answers_of_a_server_name_the_classes_beside_their_probabilities(of_series, monkeypatch):
    alone = of_series.predict(FRAME)
    assert alone.keys() == {"kind", "sum"}
    monkeypatch.setenv(SERVED, "somewhere")
    served = of_series.predict(FRAME)
    assert served["kind_classes"] == ["bird", "fish"]
    assert served["kind_predicted"] == [["bird", "fish"][place] for place in alone["kind"].argmax(axis=1)]
    np.testing.assert_array_equal(served["kind"], alone["kind"])
    assert served["sum_predicted"] == [[0], [1]]  # above its threshold
    assert of_series.metadata.metadata["thresholds"] == {"sum": [1.5]}
    assert of_series.metadata.metadata["classes"] == {"kind": ["bird", "fish"]}


def test_a_logged_model_folds_its_texts_and_leaves_codes_as_they_are(uri):
    tensors = {name: keras.Input((), dtype="string", name=name) for name in ("text", "code")}
    words = keras.layers.TextVectorization(
        vocabulary=["хорошо"], output_sequence_length=1, name=f"text{FOLDED}"
    )(tensors["text"])
    codes = keras.layers.StringLookup(vocabulary=["ABC"])(tensors["code"])
    outputs = {
        "word": keras.ops.cast(words, "float32"),
        "code": keras.ops.cast(keras.ops.expand_dims(codes, -1), "float32"),
    }
    example = {name: np.array(["a"], dtype=object) for name in tensors}
    with open_run(connect(uri, "e"), run_name="r", params={}, tags={}) as run:
        run.log_model(keras.Model(tensors, outputs), dict.fromkeys(tensors, ((), "string")), example, None)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    found = loaded.predict(
        {
            "text": np.array(["«ХОРОШО»…", "плохо", ""], dtype=object),
            "code": np.array(["ABC", "abc", None], dtype=object),
        }
    )
    assert found["word"][:, 0].tolist() == [2, 1, 0]
    assert found["code"][:, 0].tolist() == [1, 0, 0]


def test_a_logged_model_reads_dates_and_times_in_any_form(uri):
    names = ("day", "number", "hour", "flag")
    tensors = {name: keras.Input((), dtype="float64", name=name) for name in names}
    outputs = {name: keras.ops.expand_dims(tensor, -1) for name, tensor in tensors.items()}
    forms = {"day": asdict(TimeForm(day_first=True)), "hour": asdict(TimeForm(TIME_OF_DAY))}
    forms["number"] = asdict(TimeForm(unit="yyyymmdd"))
    example = dict.fromkeys(tensors, np.array([None], dtype=object))
    with open_run(connect(uri, "e"), run_name="r", params={}, tags={}) as run:
        specs = dict.fromkeys(tensors, ((), "float64"))
        run.log_model(keras.Model(tensors, outputs), specs, example, None, forms)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    rows = {
        "day": np.array(["3/4/2024", "2024-04-03", 1712102400], dtype=object),
        "number": np.array([20240403, 20240403.0, "Apr 3, 2024"], dtype=object),
        "hour": np.array(["14:05", "2:05 pm", 50700], dtype=object),
        "flag": np.array([True, "False", 2], dtype=object),
    }
    with pytest.raises(MlflowException, match="input 'day' must be a moment or null, row 1 has 'soon'"):
        loaded.predict(rows | {"day": np.array(["3/4/2024", "soon", ""], dtype=object)})
    found = loaded.predict(rows)
    assert found["day"][:, 0].tolist() == found["number"][:, 0].tolist() == [1712102400] * 3
    assert found["hour"][:, 0].tolist() == [50700] * 3
    assert found["flag"][:, 0].tolist() == [1, 0, 2]


def test_the_version_of_an_alias_is_found_and_none_without_it(client):
    client.set_registered_model_alias("birds", CANDIDATE, "2")
    assert int(version_of(client, "birds", CANDIDATE).version) == 2
    assert version_of(client, "birds", CHAMPION) is None


def test_a_model_that_nobody_registered_is_told_the_nearest(client):
    with pytest.raises(ConfigError, match=r"(?s)^name: no model is registered.*nearest: birds"):
        version_of(client, "bird", CANDIDATE)


def test_a_promoted_candidate_is_the_champion_and_no_longer_the_candidate(client):
    client.set_registered_model_alias("birds", CANDIDATE, "2")
    promote(client, "birds", version_of(client, "birds", CANDIDATE).version)
    assert numbers(client, "birds") == {CHAMPION: 2}


def test_promoting_another_version_leaves_the_candidate(client):
    client.set_registered_model_alias("birds", CANDIDATE, "2")
    promote(client, "birds", "1")
    assert numbers(client, "birds") == {CHAMPION: 1, CANDIDATE: 2}
