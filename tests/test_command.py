"""What every verb shares: messages, exit codes, signals, and a start without heavy imports."""

import errno
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import command
from pipeline.errors import ConfigError
from pipeline.sweep.callback import WorkersLostError
from tests import processes
from tests.verbs import call

VERB = Path(__file__).parent / "fake_verb.py"


@pytest.fixture
def run(tmp_path):
    """Run the fake verb in an empty folder; `imported` are the heavy modules that it had at its end."""

    def result(*words: str, does: str = "", **environment: str) -> subprocess.CompletedProcess:
        more = {"FAKE": does, **environment}
        done = processes.run([sys.executable, VERB, *words], tmp_path, more=more, timeout=120)
        done.imported = set((tmp_path / "imported").read_text().split())
        return done

    return result


@pytest.fixture
def run_here(tmp_path, monkeypatch):
    """Run the fake verb in this process, in an empty folder."""

    def result(*words: str, does: str = "") -> subprocess.CompletedProcess:
        monkeypatch.setenv("FAKE", does)
        return call("tests.fake_verb", *words, where=tmp_path)

    return result


def test_a_right_config_runs_the_task_and_prints_nothing_else(run):
    done = run("seed=7")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran 7\n", "")


@pytest.mark.parametrize("name", ["8188", "8e1", "rows (1)", "it's"])
def test_a_name_may_look_like_a_number_or_like_no_word_at_all(run_here, name):
    done = run_here(f"tracking.run_name={name}", "seed=7")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_leaves_files_only_below_mlruns(run, tmp_path):
    run()
    assert {file.name for file in tmp_path.iterdir()} == {"mlruns", "imported"}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ["+loss_weights.klass=2"],
            ["loss_weights.klass: ", "found:   klass", "allowed: class, score", "nearest: class"],
        ),
        (
            ["trainer.epochs=0"],
            ["trainer.epochs: ", "found:   0", "allowed: auto, or a whole number of at least 1"],
        ),
        (
            ["optimizer=adm"],
            ["optimizer: there is no such option", "found:   adm", "allowed: adam", "nearest: adam"],
        ),
        (["+optimiser=adam"], ["optimiser"]),
        (["loss_weights.klass=2"], ["Could not override 'loss_weights.klass'", "Did you mean: 'class'?"]),
        (["trainer.seed=1"], ["Key 'seed' is not in struct", "nearest: seed"]),
        (["epochs=1"], ["nearest: trainer.epochs"]),
        (["trainer=["], ["trainer: Hydra cannot read this word", "found:   trainer=["]),
        (["trainer.epochs=a (b)"], ["need quotes", "\"trainer.epochs='a (b)'\""]),
        (
            ["data=x,y"],
            ["data: several values, which only a sweep takes", "\"data='x,y'\"", "-m data=x,y"],
        ),
        (["seed"], ["seed: a value is missing", "seed=<value>"]),
        (["data=null"], ["the name of an option is due, as in data=penguins"]),
        (["seed=choice(1,2)"], ["seed"]),
        (["-m", "optimizer=adam,adm"], ["optimizer: there is no such option", "nearest: adam"]),
        (["--config-dir", "nowhere"], ["nowhere' not found"]),
        (["trusted_modules=mine"], ["trusted_modules: must be a list of module names"]),
        (["optimizer._target_=mine.Adam"], ["optimizer._target_: ", "trusted_modules=[mine]"]),
        (["data.targets.score='???'"], ["data.targets.score: Missing mandatory value"]),
        (["schedule.final=1e30"], ["schedule.final: ", "a number from 0 to 1"]),
        (["seed=${sed}"], ["seed: Interpolation key 'sed' not found"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_people_can_put_right_is_one_message_and_exit_code_2(run_here, arguments, parts):
    done = run_here(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Error executing job" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_a_message_comes_before_anything_heavy_is_imported(run):
    done = run("optimizer=adm")
    assert done.returncode == 2
    assert done.stderr.startswith("optimizer: there is no such option")
    assert not done.imported & processes.HEAVY


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--help"], "optimizer: adam, adamw, rmsprop, sgd"),
        (["--help"], "python -m pipeline.fake_verb -m loss_weights.class=0.5,1,2"),
        (["--cfg", "job"], "loss_weights:\n  class: 1.0"),
        (["optimizer=sgd", "--cfg", "job", "--package", "optimizer"], "momentum: 0.9"),
        (["--info", "defaults-tree"], "data: kanji"),
    ],
)
def test_help_and_config_are_shown_without_heavy_imports(run, arguments, part):
    done = run(*arguments)
    assert done.returncode == 0
    assert part in done.stdout
    assert done.stderr == ""
    assert not done.imported & processes.HEAVY


def test_the_shell_completes_options(run):
    done = run("-sc", "query=bash", COMP_LINE="python fake_verb.py optimizer=", COMP_POINT="30")
    assert done.stdout.split() == [f"optimizer={name}" for name in ("adam", "adamw", "rmsprop", "sgd")]


def test_a_config_with_broken_yaml_is_a_message(run_here, tmp_path):
    folder = tmp_path / "mine" / "data"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("a: [1\nb: 2\n")
    done = run_here("--config-dir", "mine", "data=broken")
    assert done.returncode == 2
    assert "broken.yaml" in done.stderr
    assert "line 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_are_looked_for_in_the_config_dir_too(run_here, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "kanji.npz").touch()
    assert run_here("--config-dir", "mine", "data.sources.kanji=kanji.npz").returncode == 0
    assert run_here("data.sources.kanji=kanji.npz").returncode == 2


def test_a_config_file_cannot_widen_trust_but_the_command_line_can(run_here, tmp_path):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "theirs.yaml").write_text(
        "# @package _global_\ntrusted_modules: [builtins]\noptimizer: {_target_: builtins.dict}\n"
    )
    alone = run_here("--config-dir", "mine", "experiment=theirs", does="build")
    assert alone.returncode == 2
    assert alone.stderr.startswith("trusted_modules: only the command line can set this, not a config file")
    typed = run_here("--config-dir", "mine", "experiment=theirs", "trusted_modules=[builtins]", does="build")
    assert (typed.returncode, typed.stderr) == (0, "")


def test_control_characters_do_not_reach_the_terminal(run_here, caplog):
    done = run_here("objective=a\x1b[2Jb", does="build")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    logging.getLogger("pipeline").warning("a class called %s", "\x1b[2J")
    assert caplog.messages == ["a class called \\x1b[2J"]


def test_a_part_that_refuses_its_arguments_is_a_message(run_here):
    done = run_here("optimizer._target_=datetime.timedelta", "trusted_modules=[datetime]", does="build")
    assert done.returncode == 2
    assert done.stderr.startswith("optimizer: this part does not accept its arguments\nTypeError: ")
    assert "learning_rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_only_the_data_can_tell_comes_in_the_same_form(run_here):
    done = run_here("seed=1", does="data")
    assert done.returncode == 2
    assert (
        done.stderr
        == str(ConfigError("data.sources.kanji", "no such column", found="imag", allowed=["image"])) + "\n"
    )


def test_a_bug_shows_its_traceback_from_the_task_on_and_exits_with_1(run):
    done = run(does="bug")
    assert done.returncode == 1
    assert "ZeroDivisionError: a bug" in done.stderr
    assert "fake_verb.py" in done.stderr
    assert "hydra/core" not in done.stderr
    assert "hydra/core" in run(does="bug", HYDRA_FULL_ERROR="1").stderr


def test_the_traceback_is_in_the_runs_log(run, tmp_path):
    run(does="bug")
    (log,) = tmp_path.glob("mlruns/hydra/*/fake_verb.log")
    assert "ZeroDivisionError: a bug" in log.read_text()


def test_a_failing_job_of_a_sweep_is_reported_with_its_overrides_and_the_others_go_on(run_here):
    done = run_here("-m", "seed=0,1,2", "optimizer=sgd", does="data")
    assert done.stdout == "ran 0\nran 2\n"
    assert done.returncode == 2
    assert "failed: seed=1 optimizer=sgd\ndata.sources.kanji: no such column" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_job_of_a_sweep_is_reported_with_its_overrides(run_here):
    done = run_here("-m", "loss_weights.class=-1,1")
    assert (done.returncode, done.stdout) == (2, "ran 0\n")
    assert "failed: loss_weights.class=-1\nloss_weights.class: " in done.stderr


def test_a_bug_in_a_sweep_exits_with_1(run_here):
    done = run_here("-m", "seed=0,1", does="bug")
    assert done.returncode == 1
    assert done.stderr.count("failed: seed=") == 2
    assert "ZeroDivisionError('a bug')" in done.stderr


@pytest.mark.slow
def test_jobs_run_in_joblib_workers(run):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    done = run("-m", "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", does="data")
    assert done.returncode == 2
    assert "ran 0" in done.stdout
    assert "failed: seed=1\ndata.sources.kanji: no such column" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "number", "code"),
    [
        ([], signal.SIGTERM, 143),
        pytest.param([], signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(["-m", "seed=0,1"], signal.SIGTERM, 143, marks=pytest.mark.slow),
        (["-m", "seed=0,1"], signal.SIGINT, 130),
    ],
)
def test_a_signal_runs_the_final_blocks_and_ends_everything(tmp_path, number, code, arguments):
    process = processes.start([sys.executable, VERB, *arguments], tmp_path, more={"FAKE": "wait"})
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert (tmp_path / "marked").exists()
    assert out == ""
    assert "Traceback" not in err


def test_an_error_that_a_library_raises_when_it_is_interrupted_passes_for_the_interruption(run_here):
    done = run_here(does="interrupted import")
    assert (done.returncode, done.stderr) == (143, "interrupted (SIGTERM)\n")
    done = run_here("-m", "seed=0,1", does="interrupted import")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (143, "interrupted (SIGTERM)")
    assert "failed" not in done.stderr
    assert "seed=1" not in done.stderr


def test_only_what_people_can_put_right_has_a_message():
    assert command.message_for(ConfigError("seed", "wrong")) == "seed: wrong"
    assert command.message_for(ValueError("a bug")) is None


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/x", "x" * 300])
def test_a_folder_that_cannot_be_made_is_a_message(folder, tmp_path):
    (tmp_path / "file").touch()
    done = call("tests.fake_verb", f"tracking.folder={folder}", where=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tracking.folder: Hydra's folder cannot be made")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "a/b: this file or folder cannot be used"),
        (errno.EROFS, "a/b: this file or folder cannot be used"),
        (errno.EMFILE, "a/b: too many files are open; raise the limit"),
        (errno.ENOENT, None),
    ],
)
def test_what_the_machine_does_not_allow_is_a_message(run_here, number, told):
    done = run_here(does=f"OSError {number}")
    assert done.returncode == (1 if told is None else 2)
    assert "Traceback" in done.stderr if told is None else done.stderr.startswith(told)


def test_a_sweep_that_lost_its_workers_goes_on_by_an_override_of_its_own(monkeypatch):
    commands = []

    def run(job, config_name):
        commands.append(sys.argv[1:])
        if len(commands) < 3:
            raise WorkersLostError("abc")
        return "done"

    monkeypatch.setattr(command, "_run_hydra", run)
    monkeypatch.setattr(sys, "argv", ["train", "-m", "seed=1,2"])
    assert command._run_on(None, "config") == "done"
    assert commands == [["-m", "seed=1,2"], *[["-m", "seed=1,2", "sweep.parent=abc"]] * 2]
