"""Sweeps as people run them: `python -m pipeline.train -m …`, then MLflow and Optuna read back."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mlflow
import optuna
import pytest
from filelock import FileLock
from mlflow.tracking import MlflowClient
from omegaconf import OmegaConf

from pipeline.config import run_name
from pipeline.errors import ConfigError
from pipeline.sweep import attempt as job_attempt
from pipeline.sweep.callback import options, plan
from pipeline.sweep.launchers import processors, threads, workers
from pipeline.sweep.parent import best_of
from pipeline.sweep.process import Deaths, alive, identity
from pipeline.sweep.study import importances, left_to_do
from pipeline.sweep.trials import Trial

SMALL = [
    "data=planted",
    "branches=image_series",
    "heads=planted",
    "branches.image.filters=[4]",
    "branches.series.filters=[4]",
    "trainer.epochs=2",
    "fusion.dropout=0",
    "schedule=constant",
    "tracking.log_model=false",
    "insight=off",
]
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


def command(folder: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.train", "-m", "--config-dir", str(folder), *SMALL, *overrides]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}


def call(where: Path, folder: Path, *overrides: str) -> subprocess.CompletedProcess:
    where.mkdir(exist_ok=True)
    return subprocess.run(
        command(folder, *overrides), cwd=where, capture_output=True, text=True, env=environment()
    )


def store(where: Path) -> MlflowClient:
    uri = f"sqlite:///{where}/mlruns/mlflow.db"
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def runs_of(where: Path) -> tuple[list, list]:
    """Parents and children, in the order of their starts."""
    client = store(where)
    experiments = [one.experiment_id for one in client.search_experiments()]
    found = client.search_runs(experiments, order_by=["attributes.start_time"])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return [run for run in found if run not in children], children


def statuses(children: list) -> Counter:
    return Counter(run.info.status for run in children)


def artifact(where: Path, run: object, path: str) -> str:
    return Path(store(where).download_artifacts(run.info.run_id, path)).read_text()


@pytest.fixture(scope="module")
def grid(tmp_path_factory, planted_folder):
    """Two weights x two rates in two workers, on no database; one rate leads to NaN. Then once more."""
    where = tmp_path_factory.mktemp("grid")
    words = ["loss_weights.place=0.5,2", "optimizer=sgd", "optimizer.learning_rate=0.05,1e30", *JOBLIB]
    first = call(where, planted_folder, *words, "sweep.name=grid")
    middle = runs_of(where)
    second = call(where, planted_folder, *words, "sweep.name=grid")
    return where, (first, *middle), (second, *runs_of(where))


def test_a_sweep_is_one_run_with_its_trials_below_it(grid):
    _, (done, parents, children), _ = grid
    (parent,) = parents
    assert len(children) == 4, done.stderr
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.data.tags["sweep.id"] for run in children} == {parent.info.run_id}
    assert parent.info.run_name == "grid"
    assert "loss_weights.place=0.5,2" in parent.data.tags["sweep.command"]
    assert "loss_weights.place=0.5,2" in parent.data.tags["pipeline.overrides"]


def test_trials_are_named_by_what_varies_and_by_nothing_else(grid):
    names = {run.info.run_name for run in grid[1][2]}
    assert names == {f"place={w} learning_rate={rate}" for w in ("0.5", "2") for rate in ("0.05", "1e+30")}
    varied = json.loads(grid[1][2][0].data.tags["sweep.varied"])
    assert list(varied) == ["loss_weights.place", "optimizer.learning_rate"]


def test_a_trial_that_turns_nan_is_failed_with_its_reason_and_the_others_finish(grid):
    where, (done, parents, children), _ = grid
    assert statuses(children) == {"FINISHED": 2, "FAILED": 2}
    assert parents[0].info.status == "FAILED"
    for run in children:
        if run.info.status == "FAILED":
            assert run.data.tags["pipeline.failure"].startswith("NotFiniteError: the loss of head")
            assert "Traceback" in artifact(where, run, "traceback.txt")
            assert f"failed: {run.info.run_name}: NotFiniteError" in done.stdout
    assert "2 of 4 trials finished" in done.stdout
    assert done.returncode == 1


def test_the_description_links_to_all_trials_and_to_the_best(grid):
    _, (_, parents, children), _ = grid
    text = parents[0].data.tags["mlflow.note.content"]
    assert "#/compare-runs?runs=" in text
    for run in children:
        assert run.info.run_id in text
    best = max(children, key=lambda run: run.data.metrics.get("best/val_skill", -99))
    assert f"runs/{best.info.run_id}" in text.split("Best")[1]


def test_the_same_name_runs_only_what_failed_into_the_same_parent(grid):
    _, (_, before, first), (done, parents, children) = grid
    assert [run.info.run_id for run in parents] == [before[0].info.run_id]
    new = [run for run in children if run.info.run_id not in {run.info.run_id for run in first}]
    assert {json.loads(run.data.tags["sweep.varied"])["optimizer.learning_rate"] for run in new} == {"1e+30"}
    assert len(new) == 2
    assert done.returncode == 1
    assert "2 of 4 trials finished" in done.stdout


def test_the_board_is_on_the_parent(grid):
    where, _, (done, parents, _) = grid
    page = artifact(where, parents[0], "report/sweep.html")
    assert "2 finished, 2 failed" in page
    assert "NotFiniteError" in page
    assert "loss_weights.place=" in page
    assert page.count("--config-dir") > 3
    assert (where / "mlruns") in Path(done.stdout.split("board: ")[1].splitlines()[0]).parents


def wait_for(where: Path, condition, seconds: float = 240) -> list:
    """The children, once they are as wanted."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.5)
        if (where / "mlruns" / "mlflow.db").exists():
            # The program holds this lock while it makes the database.
            with FileLock(where / "mlruns" / "mlflow.db.lock"):
                children = runs_of(where)[1]
            if condition(children):
                return children
    raise AssertionError("the sweep did not get that far")


def training(children: list) -> list:
    return [run for run in children if run.info.status == "RUNNING" and "train/loss" in run.data.metrics]


def pid_of(run: object) -> int:
    return int(run.data.tags["sweep.process"].split(":")[1])


@pytest.fixture
def start(tmp_path, planted_folder):
    """Start a sweep in a process group of its own; whatever is left of it is killed in the end."""
    started = []

    def begin(*overrides: str) -> subprocess.Popen:
        process = subprocess.Popen(
            command(planted_folder, *overrides),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_killed_worker_fails_its_own_trial_and_the_others_finish(tmp_path, start):
    process = start("loss_weights.place=1,2,3", "trainer.epochs=30", *JOBLIB)
    two = wait_for(tmp_path, lambda children: len(training(children)) == 2)
    time.sleep(3)  # the parent looks every two seconds who is running
    os.kill(pid_of(two[0]), signal.SIGKILL)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 1, err
    parents, children = runs_of(tmp_path)
    last = {run.info.run_name: run for run in children if run.info.status != "KILLED"}
    assert statuses(list(last.values())) == {"FINISHED": 2, "FAILED": 1}
    failed = store(tmp_path).get_run(two[0].info.run_id)
    assert failed.info.status == "FAILED"
    assert "killed" in failed.data.tags["pipeline.failure"]
    assert f"failed: {two[0].info.run_name}: ProcessLookupError" in out
    assert parents[0].info.status == "FAILED"


def test_a_sweep_killed_as_a_whole_is_taken_up_where_it_was(tmp_path, planted_folder, start):
    words = ["loss_weights.place=1,2,3,4", "sweep.name=again", *JOBLIB]
    process = start(*words)
    wait_for(tmp_path, lambda children: statuses(children)["FINISHED"] >= 1)
    process.kill()
    assert process.wait() < 0
    assert runs_of(tmp_path)[0][0].info.status == "RUNNING"  # nobody was left to write anything else
    before = {run.info.run_id for run in runs_of(tmp_path)[1]}
    done = call(tmp_path, planted_folder, *words)
    assert done.returncode == 0, done.stderr
    parents, children = runs_of(tmp_path)
    assert [run.info.status for run in parents] == ["FINISHED"]
    finished = [run.info.run_name for run in children if run.info.status == "FINISHED"]
    assert sorted(finished) == ["place=1", "place=2", "place=3", "place=4"]
    assert statuses(children)["RUNNING"] == 0
    assert before & {run.info.run_id for run in children if run.info.status == "FINISHED"}
    # Workers that outlived their sweep ended what they were at, and then themselves.
    orphans = [run.data.tags["sweep.process"] for run in children if run.info.run_id in before]
    until = time.monotonic() + 30
    while any(map(alive, orphans)) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(map(alive, orphans))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["in_process", "joblib"])
def test_a_signal_ends_workers_and_parent_with_true_statuses(tmp_path, start, number, launcher):
    long = ["loss_weights.place=1,2,3", "trainer.epochs=100000", "trainer.early_stopping=null", *launcher]
    process = start(*long)
    running = training(wait_for(tmp_path, training))
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == 128 + number
    parents, children = runs_of(tmp_path)
    assert parents[0].info.status == "KILLED"
    assert set(statuses(children)) == {"KILLED"}
    assert not any(alive(run.data.tags["sweep.process"]) for run in running)


def test_a_search_of_two_objectives_goes_on_with_new_suggestions(tmp_path, planted_folder):
    words = [
        *("sweep=optuna", "sweep.name=front", "loss_weights.place=tag(log,interval(0.1,10))"),
        "objective=[best/val_place_skill,best/val_slope_skill]",
    ]
    first = call(tmp_path, planted_folder, *words, "hydra.sweeper.n_trials=2")
    assert first.returncode == 0, first.stderr
    # A trial that was running when the machine went down; it may not count as done.
    study = optuna.load_study(study_name="front", storage=f"sqlite:///{tmp_path}/mlruns/optuna.db")
    study.ask()
    second = call(tmp_path, planted_folder, *words, "hydra.sweeper.n_trials=4")
    assert second.returncode == 0, second.stderr
    assert "4 of 4 trials finished" in second.stdout
    parents, children = runs_of(tmp_path)
    assert len(parents) == 1
    assert statuses(children) == {"FINISHED": 4}
    assert len({run.data.params["loss_weights.place"] for run in children}) == 4
    states = Counter(one.state.name for one in study.trials)
    assert states == {"COMPLETE": 4, "FAIL": 1}
    for one in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        assert any(
            one.values == [run.data.metrics["best/val_place_skill"], run.data.metrics["best/val_slope_skill"]]
            for run in children
        )
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE"]
    assert "Parameter importances" in artifact(tmp_path, parents[0], "report/sweep.html")


def test_overrides_that_hydra_refuses_leave_no_run(tmp_path, planted_folder):
    done = call(tmp_path, planted_folder, "loss_weights.nowhere=1,2")
    assert done.returncode == 2
    assert "Could not override 'loss_weights.nowhere'" in done.stderr
    assert runs_of(tmp_path) == ([], [])


def test_a_trial_that_fails_before_it_trains_is_a_failed_run_too(tmp_path, planted_folder):
    done = call(tmp_path, planted_folder, "loss_weights.place=-1,-2")
    assert done.returncode == 1
    assert "0 of 2 trials finished" in done.stdout
    _, children = runs_of(tmp_path)
    assert statuses(children) == {"FAILED": 2}
    assert children[0].data.tags["pipeline.failure"].startswith("ConfigError: loss_weights.place")


def test_a_preset_without_m_is_refused(tmp_path, planted_folder):
    words = [word for word in command(planted_folder, "sweep=seeds") if word != "-m"]
    words.insert(1, "-m")  # of Python
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment())
    assert done.returncode == 2
    assert "a sweep needs -m" in done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


def connect_at(folder: str, barrier_file: str) -> str:
    from pipeline.tracking import connect

    while not Path(barrier_file).exists():
        time.sleep(0.01)
    client, _, experiment = connect(f"sqlite:///{folder}/mlruns/mlflow.db", "pipeline")
    return client.create_run(experiment).info.run_id


def test_four_workers_at_once_on_no_database_ten_times(tmp_path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for i in range(10):
            folder, go = tmp_path / str(i), tmp_path / f"go{i}"
            jobs = [pool.submit(connect_at, str(folder), str(go)) for _ in range(4)]
            time.sleep(0.2)
            go.touch()
            assert len({job.result(timeout=120) for job in jobs}) == 4


def config_of(**sweeper: object) -> object:
    return OmegaConf.create(
        {
            "hydra": {
                "overrides": {"task": ["a=1,2", "b=3", "seed=0,1"]},
                "sweeper": {"params": None, **sweeper},
            }
        }
    )


def test_a_plan_tells_what_varies_and_how_many_trials_that_makes():
    assert plan(config_of()) == (["a=1,2", "b=3", "seed=0,1"], ["a", "seed"], 4)
    # What is typed wins over a preset.
    assert plan(config_of(params={"b": "1,2,3", "c": "range(3)"}))[1:] == (["c", "a", "seed"], 12)
    assert plan(config_of(n_trials=7))[2] == 7


def test_only_the_way_to_configs_is_kept_of_a_command():
    assert (
        options(["-m", "--config-dir", "my conf", "a=1", "hydra/launcher=joblib"]) == "--config-dir 'my conf'"
    )
    assert options(["--config-dir=x", "-m"]) == "--config-dir=x"


@pytest.mark.parametrize(
    ("overrides", "varies", "name"),
    [
        (["optimizer=adam", "seed=1", "loss_weights.class=2.0"], ["optimizer", "seed"], "adam seed=1"),
        (["seed=1", "loss_weights.class=2"], ["seed", "loss_weights.class"], "class=2 seed=1"),
        (["loss_weights.class=0.0031622776601683794"], ["loss_weights.class"], "class=0.00316"),
        (["branch@branches.image=gru"], ["branch@branches.image"], "image=gru"),
    ],
)
def test_a_name_says_what_varies_first_and_the_seed_last(overrides, varies, name):
    assert run_name(overrides, varies) == name


def test_a_job_is_the_same_trial_wherever_it_is_kept_and_another_when_anything_else_differs():
    config = {"seed": 0, "optimizer": {"rate": 0.1}, "tracking": {"uri": None}, "sweep": {"parent": "a"}}
    key = job_attempt.key(OmegaConf.create(config))
    elsewhere = {"tracking": {"uri": "x"}, "sweep": {}, "hydra": {"job": {"num": 3}}}
    assert job_attempt.key(OmegaConf.create({**config, **elsewhere})) == key
    assert job_attempt.key(OmegaConf.create({**config, "optimizer": {"rate": 0.2}})) != key
    assert job_attempt.key(OmegaConf.create({**config, "seed": 1})) != key


def test_workers_share_the_processors():
    joblib = {"_target_": "x.joblib_launcher.JoblibLauncher", "n_jobs": 2}
    assert workers(joblib) == 2
    assert workers({**joblib, "n_jobs": -1}) == processors()
    assert threads(joblib) == max(1, processors() // 2)
    assert threads({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}) is None
    assert threads({"_target_": "x.submitit_launcher.LocalLauncher", "cpus_per_task": 3}) == 3


def sleeper() -> subprocess.Popen:
    return subprocess.Popen(["sleep", "60"])


def test_a_process_is_known_to_run_until_it_ends():
    process = sleeper()
    who = identity(process.pid)
    assert alive(who)
    process.kill()
    while alive(who):  # it dies before it is waited for
        time.sleep(0.01)
    process.wait()
    assert alive(who) is False
    assert alive(f"elsewhere:{os.getpid()}:1") is None
    assert alive(identity().rpartition(":")[0] + ":1") is False  # a number that was used again


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells who died first")
def test_the_first_death_is_remembered_however_late_it_is_asked_for():
    processes = [sleeper() for _ in range(4)]
    deaths = Deaths()
    for process in processes:
        deaths.watch(identity(process.pid))
    names = [identity(process.pid) for process in processes]
    for i in (2, 0, 3, 1):
        processes[i].kill()
        time.sleep(0.02)
    assert deaths.first() == names[2]
    deaths.close()
    for process in processes:
        process.wait()


def trial(number: int, status: str = "FINISHED", started: int = 0, **more: object) -> Trial:
    fields = {"varied": {"x": str(number)}, "metrics": {"best/val_skill": number / 10}} | more
    return Trial(
        f"run{number}",
        f"x={number}",
        str(number),
        status,
        "",
        overrides="",
        started=started,
        ended=1,
        **fields,
    )


def test_the_best_trial_goes_by_the_direction_of_the_metric():
    trials = [trial(i, metrics={"best/val_skill": i / 10, "best/val_loss": i}) for i in (1, 3, 2)]
    assert best_of(trials, "best/val_skill").name == "x=3"
    assert best_of(trials, "best/val_loss").name == "x=1"
    assert best_of(trials, "best/val_class_f1") is None


@pytest.fixture
def study(tmp_path):
    """A study with two complete trials and one that was interrupted."""
    storage = f"sqlite:///{tmp_path}/optuna.db"
    made = optuna.create_study(study_name="s", storage=storage, directions=["maximize"])
    for x in (1, 2, 3):
        made.enqueue_trial({"x": x})
        asked = made.ask()
        asked.suggest_int("x", 1, 3)
        if x < 3:
            made.tell(asked, x / 10)
    return made, OmegaConf.create({"storage": storage, "n_trials": 5, "n_jobs": 0, "sampler": {"seed": 7}})


def left(
    sweeper: object, trials: list[Trial], since: int = 0, metrics: tuple[str, ...] = ("best/val_skill",)
):
    return left_to_do(sweeper, name="s", metrics=metrics, trials=trials, since=since, workers=3)


def test_a_study_runs_what_is_left_and_draws_anew(study):
    made, sweeper = study
    settings = left(sweeper, [trial(1), trial(2), trial(3, "KILLED")])
    assert settings == {
        "study_name": "s",
        "direction": "maximize",
        "n_jobs": 3,
        "n_trials": 3,
        "sampler.seed": 7 + len(made.trials),
    }
    # The interrupted one comes again.
    assert made.ask().suggest_int("x", 1, 3) == 3
    assert [one.state.name for one in made.trials] == ["COMPLETE", "COMPLETE", "FAIL", "RUNNING"]


def test_a_trial_that_finished_without_the_study_hearing_of_it_is_told(study):
    made, sweeper = study
    assert left(sweeper, [trial(3)])["n_trials"] == 2
    assert made.trials[2].value == 0.3


def test_a_failure_of_this_command_uses_up_a_trial_and_one_of_an_earlier_command_does_not(study):
    _, sweeper = study
    assert left(sweeper, [trial(3, "FAILED", started=50)], since=10)["n_trials"] == 2
    assert left(sweeper, [trial(3, "FAILED", started=50)], since=60)["n_trials"] == 3


def test_a_study_keeps_its_objectives(study):
    with pytest.raises(ConfigError, match=r"objective: the stored study .* has other objectives"):
        left(study[1], [], metrics=("best/val_loss",))


def test_importances_need_two_results(study):
    _, sweeper = study
    found = importances(sweeper.storage, "s", ["best/val_skill"])
    assert found == {"best/val_skill": {"x": 1.0}}
    empty = optuna.create_study(study_name="empty", storage=sweeper.storage)
    assert importances(sweeper.storage, empty.study_name, ["best/val_skill"]) == {}
