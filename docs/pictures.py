"""Redraws the README's pictures from the program itself: `python docs/pictures.py`, or `make pictures`.

Trains the default job and a sweep of short trials in a temporary folder and takes screenshots of the report,
of the sweep's board and of MLflow's page of the trials. Needs Chromium or Chrome; takes about ten minutes on
two cores.
"""

import argparse
import io
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

FOLDER = Path(__file__).parent / "figures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = """The screenshots need Chromium or Chrome, but the PATH has neither. To install it:
  Debian, Ubuntu   apt-get install chromium
  Fedora           dnf install chromium
  macOS, Windows   https://www.google.com/chrome, then add the folder of its program `chrome` to the PATH"""
SWEEP = ("loss_weights.class=0.5,1,2", "optimizer=adam,rmsprop", "seed=0,1", "sweep.name=weights")
FLAGS = (
    "--headless",
    "--no-sandbox",  # the sandbox refuses to run as root, as in a container; only pages of our own are opened
    "--hide-scrollbars",
    "--virtual-time-budget=40000",  # milliseconds that the page may take to load
    # A mouse that can hover; without one the charts of MLflow always show their buttons.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
)
ASSISTANT = 0.255  # share of the window's width that MLflow's assistant takes at the right


def main() -> None:
    """Train, then take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    parser.add_argument("--epochs", type=int, help="epochs of the report's run; default: those of the job")
    parser.add_argument("--trial-epochs", type=int, default=8, help="epochs of each of the sweep's trials")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(NO_BROWSER)
    epochs = [] if options.epochs is None else [f"trainer.epochs={options.epochs}"]
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        run, sweep = Path(name) / "run", Path(name) / "sweep"
        train(run, epochs)
        shoot(browser, page(run, "report.html"), options.folder / "report.png", 1180, 2400)
        train(sweep, ["-m", *SWEEP, f"trainer.epochs={options.trial_epochs}"])
        shoot(browser, page(sweep, "sweep.html"), options.folder / "board.png", 1180, 2400)
        with trials_page(sweep) as address:
            shoot(browser, address, options.folder / "mlflow.png", 1760, 860, shown=1 - ASSISTANT)


def train(folder: Path, words: Sequence[str]) -> None:
    """Run `python -m pipeline.train` in a new folder."""
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "pipeline.train", *words], cwd=folder, check=True)


def page(folder: Path, name: str) -> str:
    """The address of the only page of this name in a folder."""
    (path,) = folder.rglob(name)
    return path.as_uri()


@contextmanager
def trials_page(folder: Path) -> Iterator[str]:
    """Serves MLflow's page of the charts of a sweep's trials, the best trial first."""
    from pipeline.metric_names import skill_of
    from pipeline.tracking.addresses import experiment_page
    from pipeline.tracking.reading import latest_run
    from pipeline.ui import HOST, wait_for

    store = f"sqlite:///{folder}/mlruns/mlflow.db"
    sweep = latest_run(store, sweep=True)
    assert sweep is not None
    query = {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "searchFilter": f"tags.`mlflow.parentRunId` = '{sweep.run_id}'",
        "orderByKey": f"metrics.`{skill_of()}`",
        "orderByAsc": "false",
    }
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    server = subprocess.Popen([*command, "--host", HOST, "--port", str(port)])
    try:
        address = f"http://{HOST}:{port}"
        wait_for(server, address)
        yield f"{experiment_page(sweep.experiment_id, address)}/runs?{urlencode(query)}"
    finally:
        server.terminate()
        server.wait()


def shoot(browser: str, address: str, path: Path, width: int, height: int, shown: float = 1.0) -> None:
    """Take a screenshot of a page, in 256 colours.

    Args:
        width, height: of the window, in pixels.
        shown: the share of the width, from the left, that is kept.
    """
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "screenshot.png"
        command = [browser, *FLAGS, f"--window-size={width},{height}", f"--screenshot={file}", address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not file.is_file():
            sys.exit(f"{browser} took no screenshot of {address}:\n{done.stderr}")
        picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    picture = picture.crop((0, 0, round(shown * width), height))
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
