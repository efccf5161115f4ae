"""`python -m pipeline.init` writes a data config that passes its check, and nothing else."""

import re
import shlex
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import init
from pipeline.errors import ConfigError
from tests import processes
from tests.config.composition import composer
from tests.verbs import call

ROWS = 200
RANDOM = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    """A working folder with two files that share a key."""
    seats, wind = RANDOM.normal(100, 30, ROWS).round(), RANDOM.normal(size=(ROWS, 8, 2)).astype("float32")
    frame = pd.DataFrame(
        {
            "flight_id": [f"f{row}" for row in range(ROWS)],
            "seats": seats,
            "carrier": RANDOM.choice(["AA", "BB", "CC"], ROWS),
            "status": np.where(wind[:, :, 0].mean(axis=1) > 0, "late", "on time"),
            "delay": (seats / 10 + RANDOM.normal(size=ROWS)).round(2),
        }
    )
    frame.to_csv(tmp_path / "rows (1).csv", index=False)
    np.savez(tmp_path / "weather.npz", flight_id=frame["flight_id"].to_numpy(str), wind=wind)
    return tmp_path


SOURCES = "sources=rows (1).csv,weather.npz"
WRITE = ["sources=[rows (1).csv,weather.npz]", "targets=[status,delay]", "out=my_conf/data/2024.yaml"]


def files(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("run", [call, pytest.param(processes.run_verb, marks=pytest.mark.slow)])
def test_a_config_is_written_and_checked(folder, run):
    before = files(folder)
    done = run("init", *WRITE, where=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(folder) - before == {"my_conf/data/2024.yaml"}
    text = (folder / "my_conf/data/2024.yaml").read_text(encoding="utf-8")
    assert text in done.stdout
    written = yaml.safe_load(text)
    assert written["join"] == "flight_id"
    assert written["inputs"]["wind"] == {"kind": "series", "column": "weather.wind"}
    assert written["inputs"]["table"]["categorical"] == ["rows_1.carrier"]
    assert [target["kind"] for target in written["targets"].values()] == ["binary", "number"]
    assert "train 120, val 40, test 40" in done.stdout  # from the check
    last = done.stdout.splitlines()[-1]
    assert last == "python -m pipeline.train --config-dir my_conf data=2024 branches=auto heads=auto"
    assert f"# {last}" in text


def test_without_targets_candidates_are_listed_and_nothing_is_written(folder):
    before = files(folder)
    done = call("init", SOURCES, where=folder)
    assert done.returncode == 0
    kinds = dict(re.findall(r"^(\w+) +(number|binary|category)", done.stdout, re.MULTILINE))
    assert kinds == {"seats": "number", "carrier": "category", "status": "binary", "delay": "number"}
    assert files(folder) == before
    command = shlex.split(done.stdout.splitlines()[-1])
    assert command[:4] == ["python", "-m", "pipeline.init", SOURCES]
    assert command[4:] == ["targets=status", "out=my_conf/data/rows_1.yaml"]


def test_an_existing_file_is_replaced_only_if_asked(folder):
    out = folder / "my_conf/data/2024.yaml"
    out.parent.mkdir(parents=True)
    out.write_text("mine: 1\n")
    done = call("init", *WRITE, where=folder)
    assert done.returncode == 2
    assert "the file exists" in done.stderr
    assert out.read_text() == "mine: 1\n"
    with mock.patch("pipeline.init.check_written"):
        assert call("init", *WRITE, "overwrite=true", where=folder).returncode == 0
    assert "inputs:" in out.read_text()


def test_a_check_that_fails_is_reported_with_code_2(folder):
    # Too few rows for three splits, but the file is written all the same.
    pd.DataFrame({"x": [1.5, 2.5], "y": [0.3, 0.1]}).to_csv(folder / "few.csv", index=False)
    done = call("init", "sources=few.csv", "targets=y", "out=my_conf/data/few.yaml", where=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("The check of my_conf/data/few.yaml fails:\ndata.")
    assert done.stderr.endswith("--config-dir my_conf data=few branches=auto heads=auto\n")
    assert "Traceback" not in done.stderr


REFUSED = {
    "no sources": (["targets=[y]"], "sources: this value is required"),
    "no such file": (["sources=[rows.csv]"], "sources: the file or folder does not exist"),
    "no output": ([SOURCES, "targets=[delay]"], "out: the file to write is missing"),
    "no YAML": ([*WRITE[:2], "out=my_conf/data/x.txt"], "out: not the place of a data config"),
    "no folder data": ([*WRITE[:2], "out=x.yaml"], "out: not the place of a data config"),
    "a shipped name": ([*WRITE[:2], "out=my_conf/data/kanji.yaml"], "out: a data set of this name"),
    "no such key": ([SOURCES, "target=[delay]"], "target"),
    "no such column": ([SOURCES, "targets=[delai]", WRITE[2]], "targets: there is no such column"),
    "no target": ([SOURCES, "targets=[flight_id]", WRITE[2]], "targets: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_ends_with_code_2_and_writes_nothing(case, folder):
    words, message = REFUSED[case]
    before = files(folder)
    done = call("init", *words, where=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert files(folder) == before


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sources=[rows (1).csv,b.npz]", ["rows (1).csv", "b.npz"]),
        ("sources=2024.csv", ["2024.csv"]),
        ("sources=['a, b.csv', it's.csv]", ["a, b.csv", "it's.csv"]),
        ("sources=[8188,null.csv,ж.csv]", ["8188", "null.csv", "ж.csv"]),
    ],
)
def test_names_of_files_need_no_quotes_of_hydra(word, expected):
    from hydra import initialize_config_dir

    from pipeline.config import CONF

    with initialize_config_dir(str(CONF)):
        assert list(composer()(*init.overrides([word]), name="init").sources) == expected


def test_a_wrong_key_ends_with_code_2_before_anything_heavy_is_imported(tmp_path):
    done, heavy = processes.heavy_imports("init", "source=rows.csv", where=tmp_path)
    assert (done.returncode, heavy) == (2, set())
    assert "source" in done.stderr


@pytest.mark.slow
def test_the_written_config_trains_unedited(folder):
    assert call("init", *WRITE, where=folder).returncode == 0
    done = call("train", *init.train_words(folder / WRITE[2][4:])[2:], where=folder)
    assert done.returncode == 2  # without the folder of the config
    words = ["--config-dir", "my_conf", "data=2024", "branches=auto", "heads=auto", "trainer.epochs=30"]
    done = call("train", *words, "optimizer.learning_rate=0.01", where=folder)
    assert done.returncode == 0, done.stderr
    skills = dict(re.findall(r"^(status|delay) +(-?[\d.]+)", done.stdout, re.MULTILINE))
    assert float(skills["delay"]) > 0.5
    assert float(skills["status"]) > 0.3


def test_a_config_of_another_place_is_refused():
    with pytest.raises(ConfigError, match="not the place"):
        init.check_out(init.Path("my_conf/data/2024.yml"), overwrite=False)
