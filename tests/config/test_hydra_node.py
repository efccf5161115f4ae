"""The node `hydra` of a stranger's config file changes nothing that it must not; the command line may."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from pipeline.config.hydra_node import check_hydra, check_search_path
from pipeline.errors import ConfigError
from tests.verbs import call

HANDLER = "hydra: {job_logging: {handlers: {file: {%s}}, root: {handlers: [file]}}}"
REFUSED = {
    "variables": ("hydra: {job: {env_set: {PATH: /tmp}}}", "hydra.job.env_set.PATH: only the command line"),
    "a log file": (
        HANDLER % "class: logging.FileHandler, filename: precious, mode: w",
        "hydra.job_logging.handlers.file.filename: ",
    ),
    "another working folder": ("hydra: {job: {chdir: true}}", "hydra.job.chdir: runs, checkpoints and"),
    "a named log": ("hydra: {job: {name: ../precious}}", "hydra.job.name: is the name of a file"),
    "a factory": (HANDLER % "'()': shutil.rmtree, path: precious", "hydra.job_logging.handlers.file.(): "),
    "a handler": (
        HANDLER % "class: logging.handlers.SocketHandler, host: example.org, port: 1",
        "hydra.job_logging.handlers.file.class: ",
    ),
    "a reference": (
        "hydra: {job_logging: {formatters: {x: {format: ext://os.environ}}}}",
        "hydra.job_logging.formatters.x.format: ",
    ),
    "Hydra's own log": (
        "hydra: {hydra_logging: {handlers: {console: {stream: ext://os.stderr}}}}",
        "hydra.hydra_logging.handlers.console.stream: ",
    ),
    "a callback": (
        "hydra: {callbacks: {x: {_target_: hydra.experimental.callbacks.PickleJobInfoCallback}}}",
        "hydra.callbacks.x._target_: a config file may not choose this",
    ),
    "a callback of ours": (
        "hydra: {callbacks: {sweep: {_target_: pipeline.sweep.board.page.write}}}",
        "hydra.callbacks.sweep._target_: ",
    ),
    "a launcher": ("hydra: {launcher: {_target_: mine.Launcher}}", "hydra.launcher._target_: "),
    "a sampler": (
        "defaults: [{override /hydra/sweeper: optuna}]\nhydra: {sweeper: {sampler: {_target_: os.system}}}",
        "hydra.sweeper.sampler._target_: ",
    ),
    "choices of trust": (
        "hydra: {sweeper: {params: {trusted_modules: '[os]'}}}",
        "hydra.sweeper.params.trusted_modules: only the command line",
    ),
    "choices of Hydra": (
        "hydra: {sweeper: {params: {+hydra.job.env_set.PATH: /tmp}}}",
        "hydra.sweeper.params.+hydra.job.env_set.PATH: ",
    ),
    "what was typed": (
        "hydra: {overrides: {task: ['trusted_modules=[harm]']}}\n"
        "trusted_modules: [harm]\nfusion: {_target_: harm.run}",
        "hydra.overrides.task: this lists what was typed",
    ),
    "choices by an interpolation": (
        "tracking: {tags: {trusted_modules: '[harm]'}}\nhydra: {sweeper: {params: '${tracking.tags}'}}",
        "hydra.sweeper.params: a config file has to write this out",
    ),
    "no node at all": ("hydra: null", "hydra: Hydra cannot compose the config"),
    "hundreds of levels": (
        f"tracking: {{tags: {'{a: ' * 700}1{'}' * 700}}}",
        "the config: mappings or lists are nested too deeply",
    ),
    "a search space": (
        "defaults: [{override /hydra/sweeper: optuna}]\nhydra: {sweeper: {custom_search_space: os.system}}",
        "hydra.sweeper.custom_search_space: to call this, add trusted_modules=[os]",
    ),
}


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Path]:
    """A folder with an experiment of a stranger, to be written, and a file that must survive."""
    (tmp_path / "theirs" / "experiment").mkdir(parents=True)
    (tmp_path / "precious").write_text("kept")
    # The fixture `compose` of this folder keeps Hydra open.
    state = GlobalHydra.instance()
    opened, state.hydra = state.hydra, None
    yield tmp_path
    state.hydra = opened


def write(folder: Path, text: str) -> None:
    (folder / "theirs" / "experiment" / "x.yaml").write_text(f"# @package _global_\n{text}\n")


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_changes_nothing_beyond_hydras_folders(theirs, name):
    text, message = REFUSED[name]
    write(theirs, text)
    done = call("tests.fake_verb", "--config-dir", "theirs", "experiment=x", where=theirs)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert (theirs / "precious").read_text() == "kept"
    assert not (theirs / "mlruns").exists()


def test_a_job_of_a_sweep_is_checked_as_well(theirs):
    write(theirs, REFUSED["variables"][0])
    words = ["--config-dir", "theirs", "-m", "experiment=penguins,x"]
    done = call("tests.fake_verb", *words, where=theirs)
    assert done.returncode == 2
    assert "hydra.job.env_set.PATH: only the command line" in done.stderr


@pytest.mark.slow
def test_a_job_in_another_process_is_checked_as_well(theirs):
    write(theirs, REFUSED["a log file"][0])
    words = ["--config-dir", "theirs", "-m", "experiment=penguins,x", "hydra/launcher=joblib"]
    done = call("tests.fake_verb", *words, "hydra.launcher.n_jobs=2", where=theirs)
    assert done.returncode == 2
    assert "hydra.job_logging.handlers.file.filename: " in done.stderr
    assert (theirs / "precious").read_text() == "kept"


@pytest.mark.parametrize(
    "words",
    [
        ["+hydra.job.env_set.THEIRS=1"],
        ["hydra.job_logging.handlers.file.filename=elsewhere.log"],
        ["hydra/job_logging=disabled"],
        ["hydra/hydra_logging=default"],
        ["hydra.run.dir=mlruns/elsewhere"],
    ],
)
def test_the_command_line_may_change_them(theirs, words):
    done = call("tests.fake_verb", *words, where=theirs)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_main_config_may_add_folders_but_no_package_to_the_search_path(theirs):
    folder = theirs / "theirs"
    (theirs / "harm.py").write_text("open('precious', 'w')")
    (folder / "main.yaml").write_text("defaults: [config]\nhydra: {searchpath: ['pkg://harm']}\n")
    done = call("tests.fake_verb", "--config-dir", "theirs", "--config-name", "main", where=theirs)
    assert done.returncode == 2
    assert done.stderr.startswith("hydra.searchpath: only the command line can add packages")
    paths = OmegaConf.create({"hydra": {"searchpath": ["file:///a"]}})
    check_search_path(paths, [])
    check_search_path(
        OmegaConf.create({"hydra": {"searchpath": ["pkg://a"]}}), ["hydra.searchpath=[pkg://a]"]
    )


def test_texts_of_a_launcher_are_one_line_each():
    node = OmegaConf.create({"job": {"name": "train"}, "launcher": {"partition": "cpu\nrm -r ~"}})
    with pytest.raises(ConfigError, match=r"^hydra\.launcher\.partition: must be one line"):
        check_hydra(node, [])


@pytest.mark.parametrize("key", ["setup", "python", "additional_parameters"])
def test_only_the_command_line_gives_a_cluster_its_commands(key):
    node = OmegaConf.create({"job": {"name": "train"}, "launcher": {key: ["curl example.org"]}})
    with pytest.raises(ConfigError, match=rf"^hydra\.launcher\.{key}: only the command line"):
        check_hydra(node, [])
    check_hydra(node, [f"hydra.launcher.{key}=[curl]"])


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"callbacks": "${theirs}"}, "hydra.callbacks"),
        ({"callbacks": {"x": "${oc.create:{_target_: os.system}}"}}, "hydra.callbacks.x"),
        ({"launcher": "${theirs}"}, "hydra.launcher"),
        ({"launcher": {"ray": "${theirs}"}}, "hydra.launcher.ray"),
        ({"sweeper": {"search_space": "${theirs}"}}, "hydra.sweeper.search_space"),
    ],
)
def test_no_interpolation_hides_what_hydra_calls(node, key):
    root = OmegaConf.create(
        {"theirs": {"_target_": "os.system"}, "hydra": {"job": {"name": "train"}, **node}}
    )
    with pytest.raises(ConfigError, match=rf"^{key}: a config file has to write this out"):
        check_hydra(root.hydra, ["~hydra.callbacks.sweep"])


@pytest.mark.parametrize(
    ("node", "typed", "key"),
    [
        ({"job": {"env_set": {"PATH": "/x", "MINE": "1"}}}, "+hydra.job.env_set.MINE=1", "job.env_set.PATH"),
        (
            {"job_logging": {"handlers": {"file": {"filename": "precious"}}, "root": {"level": "DEBUG"}}},
            "hydra.job_logging.root.level=DEBUG",
            "job_logging.handlers.file.filename",
        ),
        (
            {"sweeper": {"params": {"trusted_modules": "[a]", "seed": "1,2"}}},
            "+hydra.sweeper.params.seed='1,2'",
            "sweeper.params.trusted_modules",
        ),
    ],
)
def test_what_is_typed_allows_nothing_beside_it(node, typed, key):
    whole = {"job": {"name": "train"}} | node
    whole["job"].setdefault("name", "train")
    with pytest.raises(ConfigError, match=rf"^hydra\.{key}: "):
        check_hydra(OmegaConf.create(whole), [typed])
    check_hydra(OmegaConf.create(whole), [typed, f"hydra.{key}=…"])
