"""The logged model, loaded and behind `mlflow models serve`: rows as JSON in, answers as JSON out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

import pipeline
from tests import processes

TRAITS = {
    "traits.island": "Dream",
    "traits.sex": "MALE",
    "traits.bill_length_mm": 39.1,
    "traits.bill_depth_mm": 18.7,
    "traits.flipper_length_mm": 181,
}
IMAGE = np.full((8, 8, 1), 30).tolist()
SERIES = [[0.5, 0.4], [0.3, 0.2], [0.1, 0.0]]


def arrays(**columns):
    """Columns as a server makes them of JSON."""
    found = {}
    for name, values in columns.items():
        if not isinstance(values, np.ndarray):
            column = np.empty(len(values), dtype=object)
            column[:] = values
            values = column
        found[name] = values
    return found


@pytest.fixture
def load(recorded):
    def loaded(run_id):
        mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
        return mlflow.pyfunc.load_model(f"runs:/{run_id}/model")

    return loaded


@pytest.fixture
def planted(load, recorded):
    model = load(recorded.planted)
    return lambda **columns: model.predict(arrays(**columns))


@pytest.fixture
def penguins(load, recorded):
    model = load(recorded.penguins)
    return lambda **changed: model.predict(
        arrays(**{key: [value] for key, value in {**TRAITS, **changed}.items()})
    )


def same(one, other):
    return all(np.allclose(one[head], other[head], rtol=1e-5) for head in one)


def test_rows_columns_and_arrays_give_the_same_answers(load, recorded):
    predict = load(recorded.penguins).predict
    due = predict({key: np.array([value]) for key, value in TRAITS.items()})
    assert due["species"].shape == (1, 3)
    assert due["species"].sum() == pytest.approx(1)
    assert same(due, predict(arrays(**{key: [value] for key, value in TRAITS.items()})))
    assert same(due, predict(pd.DataFrame([TRAITS])))
    # As a server makes it of a list of rows.
    assert same(due, predict({key: np.array([np.array(v, object)], object) for key, v in TRAITS.items()}))


def test_unseen_categories_and_missing_cells_are_answered(penguins):
    known = penguins()
    unseen = penguins(**{"traits.island": "Atlantis"})
    assert not same(known, unseen)
    missing = penguins(**{"traits.island": None})
    assert same(missing, penguins(**{"traits.island": ""}))
    assert same(missing, penguins(**{"traits.island": float("nan")}))
    empty = penguins(**{"traits.bill_depth_mm": None})
    assert same(empty, penguins(**{"traits.bill_depth_mm": float("nan")}))
    assert same(known, penguins(**{"traits.bill_length_mm": "39.1"}))


def test_series_of_several_lengths_and_missing_ones_are_answered_row_by_row(planted):
    alone = planted(image=[IMAGE], series=[SERIES])
    whole = planted(image=np.array([IMAGE], "uint8"), series=np.array([SERIES], "float32"))
    assert same(alone, whole)
    both = planted(image=[IMAGE, IMAGE, IMAGE], series=[SERIES, SERIES * 4, None])
    for head in alone:
        np.testing.assert_allclose(both[head][0], alone[head][0], rtol=1e-4, atol=1e-6)
        assert np.isfinite(both[head]).all()
    ragged = np.array([np.array(SERIES), np.array(SERIES * 4), None], dtype=object)
    assert same(both, planted(image=np.array([IMAGE] * 3, dtype=object), series=ragged))


def test_a_row_without_its_image_is_answered_though_training_had_bytes_in_every_row(planted):
    both = planted(image=[IMAGE, None], series=[SERIES, SERIES])
    alone = planted(image=[IMAGE], series=[SERIES])
    for head in alone:
        np.testing.assert_allclose(both[head][0], alone[head][0], rtol=1e-4, atol=1e-6)
        assert np.isfinite(both[head]).all()
    assert not np.allclose(both["place"][0], both["place"][1], atol=1e-3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": np.full((1, 8, 8, 1), [[[np.nan]]] + [[[3]]] * 7)}, "input 'image' must be whole numbers"),
        ({"image": [np.full((8, 8, 1), 300).tolist()]}, "input 'image' must be whole numbers from 0 to 255"),
        ({"image": [np.full((8, 8, 1), 0.5)]}, "input 'image' must be whole numbers from 0 to 255"),
        ({"image": [IMAGE[:3]]}, r"input 'image' must be of shape \(8, 8, 1\), row 0 is \(3, 8, 1\)"),
        ({"image": np.zeros((1, 9, 8, 1), "uint8")}, r"input 'image' has rows of shape \(9, 8, 1\)"),
        ({"series": [[["a", "b"]]]}, "input 'series' must be numbers of shape .*row 0 is not.*'a'"),
        ({"series": [[[1, 2, 3]]]}, r"input 'series' must be of shape \(None, 2\), row 0 is \(1, 3\)"),
        ({"series": [SERIES, SERIES]}, "input 'series' has 2 rows, but 'image' has 1"),
    ],
)
def test_what_does_not_fit_names_its_input(planted, changed, message):
    with pytest.raises(MlflowException, match=message) as caught:
        planted(**{"image": [IMAGE], "series": [SERIES], **changed})
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("number", [1e308, -1e39, float("inf"), "-Infinity", 10**400])
def test_numbers_beyond_those_of_the_model_name_their_input(penguins, planted, number):
    with pytest.raises(
        MlflowException, match=r"input 'traits\.bill_depth_mm' must have finite numbers up to"
    ):
        penguins(**{"traits.bill_depth_mm": number})
    series = [[0.1, 0.2], [number, 0.4]]
    if isinstance(number, float):
        with pytest.raises(MlflowException, match=r"input 'series' must have finite numbers up to 3\.4e"):
            planted(image=[IMAGE], series=[series])
    else:
        with pytest.raises(MlflowException, match="input 'series' must "):
            planted(image=[IMAGE], series=[series])


ODD = [None, True, "", "x", {}, {"a": [1]}, [], [[]], [[], [1]], 0, -1e30, 1e38, "\0", [None], [[None]], b"a"]


def test_whatever_stands_in_a_request_is_answered_or_names_its_input(penguins, planted):
    """Nothing but an answer of finite numbers, or a message that a server turns into status 400."""
    answers, errors = [], []
    for value in ODD:
        requests = [(penguins, {name: value}) for name in TRAITS]
        requests += [(planted, {"image": [value], "series": [SERIES]})]
        requests += [(planted, {"image": [IMAGE], "series": [value]})]
        for predict, words in requests:
            try:
                answers.append(predict(**words))
            except MlflowException as error:
                errors.append(error)
    assert all(np.isfinite(output).all() for found in answers for output in found.values())
    assert all(error.error_code == "INVALID_PARAMETER_VALUE" for error in errors)
    assert all("input '" in str(error) for error in errors)
    assert min(len(answers), len(errors)) > 20


@pytest.mark.parametrize(
    "request_",
    [{}, {"image": 3, "series": 4}, {"image": np.array(3), "series": np.array(None)}, [], [3], "x"],
)
def test_a_request_of_another_form_is_refused(load, recorded, request_):
    with pytest.raises(MlflowException) as caught:
        load(recorded.planted).predict(request_)
    assert caught.value.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


def test_a_request_without_rows_is_refused(planted):
    with pytest.raises(MlflowException, match="input 'image' has no rows"):
        planted(image=[], series=[])


def test_a_text_where_a_number_is_due_names_its_input(penguins):
    with pytest.raises(
        MlflowException, match=r"input 'traits\.bill_depth_mm' must be a number.*row 0 has 'deep'"
    ):
        penguins(**{"traits.bill_depth_mm": "deep"})


def test_the_signature_names_inputs_and_heads_and_the_metadata_their_kinds(load, recorded):
    metadata = load(recorded.planted).metadata
    assert metadata.signature.inputs.input_names() == ["image", "series"]
    assert {one.name: one.shape for one in metadata.signature.outputs.inputs}["place"] == (-1, 2)
    assert metadata.metadata["inputs"]["image"] == {"dtype": "uint8", "shape": [-1, 8, 8, 1]}
    assert metadata.metadata["inputs"]["series"] == {"dtype": "float32", "shape": [-1, -1, 2]}


@pytest.fixture(scope="module")
def servers(recorded_runs, tmp_path_factory):
    """Both models behind `mlflow models serve`, run -> address, in a folder and with a path of no ours."""
    where = tmp_path_factory.mktemp("served")
    more = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{recorded_runs.folder}/mlruns/mlflow.db",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    started, addresses = [], {}
    try:
        for run_id in (recorded_runs.planted, recorded_runs.penguins):
            port = processes.free_port()
            command = ["mlflow", "models", "serve", "-m", f"runs:/{run_id}/model", "--env-manager", "local"]
            command += ["-h", "127.0.0.1", "-p", str(port)]
            with (where / f"{run_id}.log").open("w") as log:
                pipes = {"stdout": log, "stderr": subprocess.STDOUT}
                started.append(processes.start(command, where, more=more, start_new_session=True, **pipes))
            addresses[run_id] = f"http://127.0.0.1:{port}"
        for address in addresses.values():
            wait_for(address)
        yield addresses
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait_for(address):
    until = time.monotonic() + 240
    while True:
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=5):
                return
        except OSError:
            assert time.monotonic() < until, f"no answer from {address}"
            time.sleep(0.5)


def no_json(word):
    """NaN and Infinity, which Python reads, are no JSON."""
    raise AssertionError(word)


def post(address, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/invocations", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read(), parse_constant=no_json)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.slow
def test_a_server_answers_whole_rows_as_the_model_does(servers, recorded, load):
    address = servers[recorded.penguins]
    strange = {**TRAITS, "traits.island": "Atlantis", "traits.sex": None, "traits.bill_depth_mm": None}
    due = load(recorded.penguins).predict(arrays(**{key: [TRAITS[key], strange[key]] for key in TRAITS}))
    bodies = [
        {"instances": [TRAITS, strange]},
        {"inputs": {key: [TRAITS[key], strange[key]] for key in TRAITS}},
    ]
    for body in bodies:
        status, answer = post(address, body)
        assert status == 200
        for head, values in due.items():
            np.testing.assert_allclose(answer["predictions"][head], values, rtol=1e-4)
    split = {"columns": list(strange), "data": [list(strange.values())], "index": [5]}
    for body, row in (({"dataframe_records": [TRAITS]}, 0), ({"dataframe_split": split}, 1)):
        status, answer = post(address, body)
        np.testing.assert_allclose(
            answer["predictions"]["body_mass"], due["body_mass"][row : row + 1], rtol=1e-4
        )


def commands(language):
    """The blocks of docs/serving.md in a language."""
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.slow
def test_the_commands_of_the_documentation_work_word_for_word_in_a_new_shell(recorded_runs):
    run_id, port, where = recorded_runs.penguins, processes.free_port(), recorded_runs.folder
    serve, ask = (text.replace("<run id>", run_id).replace("5001", str(port)) for text in commands("sh")[:2])
    more = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    server = processes.start(
        ["bash", "-c", serve],
        where,
        more=more,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}")
        done = processes.run(["bash", "-c", ask], where, more=more)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    answer = json.loads(done.stdout.strip().splitlines()[-1])["predictions"]
    assert answer["species_classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert set(answer["species_predicted"]) <= set(answer["species_classes"])
    assert np.shape(answer["species"]) == (2, 3)


@pytest.mark.slow
def test_mlflow_evaluates_a_model_as_the_documentation_says(recorded_runs, tmp_path):
    shutil.copytree(recorded_runs.folder / "mlruns", tmp_path / "mlruns")
    shutil.copy(Path(pipeline.__file__).parent / "datasets" / "penguins.csv", tmp_path)
    (script,) = commands("python")
    done = processes.run([sys.executable, "-c", script.replace("<run id>", recorded_runs.penguins)], tmp_path)
    assert 0.2 < float(done.stdout.strip().splitlines()[-1]) <= 1, done.stderr


@pytest.mark.slow
def test_a_server_answers_images_and_series_and_the_models_own_example(servers, recorded):
    address = servers[recorded.planted]
    status, answer = post(address, {"inputs": {"image": [IMAGE, IMAGE], "series": [SERIES, SERIES * 2]}})
    assert (status, len(answer["predictions"]["slope"])) == (200, 2)
    status, answer = post(address, {"instances": [{"image": IMAGE, "series": SERIES}]})
    assert status == 200
    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    uri = f"runs:/{recorded.planted}/model/serving_input_example.json"
    example = Path(mlflow.artifacts.download_artifacts(uri)).read_bytes()
    status, answer = post(address, example)
    assert (status, len(answer["predictions"]["place"])) == (200, 2)


@pytest.mark.slow
def test_a_bad_request_is_a_400_that_names_the_input(servers, recorded):
    penguins, planted = servers[recorded.penguins], servers[recorded.planted]
    less = {key: value for key, value in TRAITS.items() if key != "traits.sex"}
    cases = [
        (penguins, {"inputs": {key: [value] for key, value in less.items()}}, "traits.sex"),
        (
            penguins,
            {"instances": [{**TRAITS, "traits.bill_depth_mm": "deep"}]},
            "input 'traits.bill_depth_mm'",
        ),
        (planted, {"inputs": {"image": [IMAGE[:2]], "series": [SERIES]}}, "input 'image'"),
        (planted, {"inputs": {"image": [IMAGE], "series": [[["x", 1]]]}}, "input 'series'"),
    ]
    for address, body, words in cases:
        status, answer = post(address, body)
        assert status == 400
        assert words in answer["message"]
    assert post(planted, b"nonsense")[0] == 400


@pytest.mark.slow
@pytest.mark.parametrize("number", ["1e308", "1e39", "Infinity", "-1e400", "1" + "0" * 400])
def test_a_number_beyond_those_of_the_model_is_a_400_that_names_the_input(servers, recorded, number):
    penguins, planted = servers[recorded.penguins], servers[recorded.planted]
    row = json.dumps({**TRAITS, "traits.bill_depth_mm": "here"}).replace('"here"', number)
    status, answer = post(penguins, f'{{"instances": [{row}]}}'.encode())
    assert (status, "input 'traits.bill_depth_mm'" in answer["message"]) == (400, True)
    columns = json.dumps({"image": [IMAGE], "series": [[[0.1, "here"]]]}).replace('"here"', number)
    status, answer = post(planted, f'{{"inputs": {columns}}}'.encode())
    assert (status, "input 'series'" in answer["message"]) == (400, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"inputs": 3}',
        b'{"inputs": {}}',
        b'{"inputs": {"image": 3, "series": null}}',
        b'{"inputs": {"image": [], "series": []}}',
        b'{"instances": []}',
        b'{"instances": [3]}',
        b'{"instances": [{"image": {"a": 1}, "series": {}}]}',
        b'{"dataframe_split": {"columns": ["image"], "data": [[1, 2]]}}',
        b'{"inputs": {"image": [[["\\ud800"]]], "series": [[[1, 2]]]}}',
        b"\xff\xfe",
    ],
)
def test_no_request_is_answered_with_a_traceback(servers, recorded, body):
    status, answer = post(servers[recorded.planted], body)
    assert status == 400
    assert "message" in answer
    assert "Traceback" not in json.dumps(answer)
