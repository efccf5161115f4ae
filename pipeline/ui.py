"""Serves MLflow's pages for the runs of this folder: `python -m pipeline.ui`."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import resolved
from pipeline.errors import ConfigError, printable
from pipeline.rules import FLAG, MAPPING, TEXT, Rule, check_node, is_whole, or_null
from pipeline.terminal import show

HOST = "127.0.0.1"
VIEW = "?workflowType=machine_learning"  # the view for training; otherwise MLflow shows the last one used
SECONDS_TO_START = 120.0
KEYS = {
    "port": Rule(lambda value: is_whole(value) and 0 < value < 2**16, "a whole number from 1 to 65535"),
    "browser": FLAG,
    "tracking": MAPPING,
}


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for an unknown key, a value that is not allowed, or a port in use."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    with socket.socket() as probe:
        if probe.connect_ex((HOST, config["port"])) == 0:
            raise ConfigError(
                "port", "this port is in use", found=config["port"], allowed="a free port, port=…"
            )


@verb(config_name="ui", check=check)
def main(cfg: DictConfig) -> None:
    """Serves the pages until interrupted."""
    from pipeline.tracking import open_store
    from pipeline.tracking.addresses import database_of, server_of
    from pipeline.tracking.database import is_writable
    from pipeline.tracking.relocation import relocate

    uri = open_store(cfg.tracking.uri)
    if (database := database_of(uri)) and is_writable(database):
        relocate(database)  # MLflow's server looks for artifacts where the database says they are
    if server := server_of(uri):
        show(printable("\n".join(links(uri, server))), sys.stdout)
        return
    address = f"http://{HOST}:{cfg.port}"
    show(printable("\n".join(links(uri, address))), sys.stdout)
    serve(uri, cfg.port, address, browser=cfg.browser and sys.stdout.isatty())


def links(uri: str, address: str) -> list[str]:
    """Lines with the addresses of the latest run, of those on its data, and of the latest sweep, if any."""
    from pipeline.tracking.addresses import experiment_page
    from pipeline.tracking.reading import experiment_names, latest_run

    run, sweep = latest_run(uri, sweep=False), latest_run(uri, sweep=True)
    if run is None:
        return [f"runs          {address}/{VIEW}  (none yet)"]
    names = experiment_names(uri)
    here = names.pop(run.experiment_id, "Default")
    others = f"; others: {', '.join(names.values())}" if names else ""
    lines = [f"runs          {experiment_page(run.experiment_id, address)}{VIEW}  ({here}{others})"]
    for title, latest in (("latest run", run), ("latest sweep", sweep)):
        if latest is not None:
            lines.append(f"{title:12}  {latest.url(address)}{VIEW}  ({latest.name}, {latest.status})")
    return lines


def serve(uri: str, port: int, address: str, *, browser: bool) -> None:
    """Runs MLflow's server until it or this process ends."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    # Without the job queue the server has seven processes less; these pages do not need it.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen([*command, "--host", HOST, "--port", str(port)], env=environment)
    try:
        wait_for(server, address)
        if browser:
            webbrowser.open(f"{address}/{VIEW}")
        server.wait()
    finally:
        server.terminate()
        server.wait()


def wait_for(server: subprocess.Popen[Any], address: str) -> None:
    """Waits until the server answers.

    Raises:
        RuntimeError: the server ended, or does not answer within two minutes; the terminal shows its output.
    """
    until = time.monotonic() + SECONDS_TO_START
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"MLflow's server does not answer at {address}")


if __name__ == "__main__":
    main()
