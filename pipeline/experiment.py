"""Train, load and compare runs from Python and notebooks.

    from pipeline import experiment

    run = experiment.train("data=kanji", "loss_weights.class=2")
    run.metrics["test/skill"], run.history.tail(), run.report()
    experiment.compare(run, experiment.load("latest"))

Words are those of the command line, and so are the checks and their messages, as `ConfigError`. Runs are
recorded below the working folder, or below `folder`; or in the store and the experiment of MLflow that
`mlflow.set_tracking_uri`, `mlflow.set_experiment` or the variables of the environment name.
"""

import html
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import compare as comparing
from pipeline import predict as predicting
from pipeline import train as training
from pipeline.command import TEXTS_OF_TRAINING
from pipeline.config import check
from pipeline.config.quoting import quote_texts
from pipeline.errors import ConfigError
from pipeline.frames import write, write_data
from pipeline.in_process import as_messages, composed, within
from pipeline.paths import use_folder

RECORDED = ("test", "val")  # splits
# MLflow imports bars for notebooks, which are not shown here, and they miss widgets.
warnings.filterwarnings("ignore", message="IProgress not found")

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.tracking import StoredRun


@dataclass(frozen=True)
class Page:
    """An HTML page in a file; notebooks show it."""

    path: Path

    def _repr_html_(self) -> str:
        text = html.escape(self.path.read_text(encoding="utf-8"), quote=True)
        return f'<iframe srcdoc="{text}" width="100%" height="720" style="border: 0"></iframe>'


class Run:
    """A recorded run.

    Args:
        stored: the run as MLflow has it.
        folder: the folder below which it is recorded.
    """

    def __init__(self, stored: "StoredRun", folder: Path) -> None:
        self.stored, self.folder = stored, folder
        self.id, self.name = stored.run_id, stored.name

    def __repr__(self) -> str:
        return f"Run({self.id[:8]}, {self.name}, {self.stored.status})"

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of every metric, by name: `test/class_accuracy`."""
        return dict(self.stored.metrics)

    @property
    def params(self) -> dict[str, str]:
        """The chosen options and values, by dotted key."""
        return dict(self.stored.params)

    @property
    def history(self) -> "pd.DataFrame":
        """The metrics of each epoch, one column per metric; the first epoch is 1."""
        import pandas as pd

        table = pd.read_csv(self.stored.artifact("report/tables/history.csv"))
        return table.set_index("epoch")

    def predictions(self, split: str = "test") -> "pd.DataFrame":
        """The label, prediction and loss of each row of a split that was recorded: "test" or "val".

        Raises:
            ConfigError: the predictions of this split are not recorded.
        """
        import pandas as pd

        if split not in RECORDED:
            raise ConfigError("split", "its predictions are not recorded", found=split, allowed=RECORDED)
        return pd.read_parquet(self.stored.artifact(f"predictions/{split}.parquet"))

    def predict(self, rows: "pd.DataFrame | Mapping[str, Any]") -> "pd.DataFrame":
        """Predict new rows with the logged model.

        Args:
            rows: a table with the columns of the run's only source, or arrays by name.

        Raises:
            ConfigError: a column is missing, or some row cannot be read.
        """
        import pandas as pd

        with tempfile.TemporaryDirectory() as temporary, within(self.folder):
            output = Path(temporary) / "predictions.parquet"
            config: dict[str, Any] = {
                "run": self.id,
                "input": str(write(rows, Path(temporary) / "rows")),
                "output": str(output),
                "key": None,
                "missing": [],
                "root": None,
                "level": None,
                "tracking": {"uri": self.stored.uri},
            }
            _, rejected = predicting.run(config, [], temporary=True)
            if rejected:
                reasons = pd.read_csv(output.with_suffix(predicting.REJECTED)).head(5)
                raise ConfigError("rows", f"{rejected:,} rows cannot be read", found=reasons.to_string())
            return pd.read_parquet(output)

    def report(self) -> Page:
        """The run's report, as a page."""
        return Page(self.stored.artifact("report/report.html"))


class Sweep:
    """The trials of a sweep."""

    def __init__(self, stored: "StoredRun", folder: Path) -> None:
        self.stored, self.folder, self.id = stored, folder, stored.run_id

    @property
    def trials(self) -> "pd.DataFrame":
        """One row per trial: its run, its status, what varied, and all metrics; the best come first."""
        import pandas as pd

        return pd.read_csv(self.stored.artifact("report/tables/all_trials.csv")).set_index("trial")

    def board(self) -> Page:
        """The board of the sweep, as a page."""
        return Page(self.stored.artifact("report/sweep.html"))


@dataclass(frozen=True)
class Comparison:
    """Which run is better for each head, in words and as a page."""

    text: str
    page: Page

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.page._repr_html_()


def train(
    *words: str,
    data: Mapping[str, Any] | None = None,
    name: str = "own",
    folder: str | Path = ".",
    config_dir: str | Path | None = None,
) -> Run:
    """Train one model; the same as `python -m pipeline.train words…`.

    Args:
        words: overrides: "data=kanji", "loss_weights.class=2", "resume=latest".
        data: the contents of a data file, see docs/data.md. Its sources may be data frames or arrays by name
            instead of paths; they are written below `folder`, so the run can be repeated.
        name: of this data.
        folder: where the run is recorded and relative paths begin.
        config_dir: a folder of more configs, as `--config-dir`.

    Raises:
        ConfigError: something is wrong with the config or the data, or the store lacks a part of the run.

    Example:
        run = experiment.train("branches=auto", "heads=auto", data={"sources": {"s": frame}, …}, name="birds")
    """
    with within(folder), as_messages():
        typed = quote_texts(list(words), TEXTS_OF_TRAINING)
        if data is not None:
            config_dir = write_data(data, name)
            typed = [f"data={name}", *typed]
        cfg, groups = composed(typed, config_dir)
        folders = [Path.cwd(), *([Path(config_dir).resolve()] if config_dir else [])]
        check(cfg, overrides=typed, folders=folders)
        use_folder(cfg.tracking.folder)
        outcome = training.start(cfg, typed, groups, folders=folders)
        return load(outcome.run_id, uri=outcome.uri)


def load(name: str = "latest", *, folder: str | Path = ".", uri: str | None = None) -> Run:
    """Return a run that was recorded below a folder.

    Args:
        name: its id, the beginning of its id, its name, or "latest".
        uri: address of another store.

    Raises:
        ConfigError: there is no such run, or there are several.
    """
    from pipeline.tracking import find_run

    with within(folder):
        return Run(find_run(name, uri), Path.cwd())


def compare(*runs: Run | str, folder: str | Path = ".", uri: str | None = None) -> Comparison:
    """Compare two or more runs of one store, head by head, on the rows that all of them predicted.

    Args:
        runs: runs, or their ids or names.
        folder: where the page is written.
        uri: address of the store; by default that of the runs, or the default store.

    Raises:
        ConfigError: a run is unknown, the runs are in different stores, or they share too few rows.
    """
    from pipeline.tracking.addresses import shown

    with within(folder):
        names = [run.id if isinstance(run, Run) else run for run in runs]
        stores = list(dict.fromkeys(run.stored.uri for run in runs if isinstance(run, Run)))
        if len(stores) > 1:
            found = ", ".join(map(shown, stores))
            raise ConfigError(
                "runs", "they are in different stores", found=found, allowed="runs of one store"
            )
        uri = uri or next(iter(stores), None)
        text, path = comparing.compared(names, uri=uri)
        return Comparison(text, Page(path))


def sweep(*words: str, folder: str | Path = ".") -> Sweep:
    """Run a sweep in a process of its own and show its lines: `python -m pipeline.train -m words…`.

    Raises:
        ConfigError: the sweep could not start, or none of its trials could.
    """
    command = [sys.executable, "-m", "pipeline.train", "-m", *words]
    lines = []
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    if not (lines and lines[-1].startswith("sweep ")):
        raise ConfigError(
            "sweep", f"the sweep ended with exit code {process.returncode}", found="\n".join(lines[-9:])
        )
    run = load(lines[-1].removeprefix("sweep "), folder=folder)
    return Sweep(run.stored, run.folder)
