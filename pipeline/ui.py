"""MLflow's pages on the runs of this folder: `python -m pipeline.ui`."""

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
from pipeline.errors import ConfigError
from pipeline.rules import FLAG, MAPPING, TEXT, Rule, check_node, is_whole, or_null

HOST = "127.0.0.1"
VIEW = "?workflowType=machine_learning"  # the view made for training, whatever was looked at last
SECONDS_TO_START = 120.0
KEYS = {
    "port": Rule(lambda value: is_whole(value) and 0 < value < 2**16, "a whole number from 1 to 65535"),
    "browser": FLAG,
    "tracking": MAPPING,
}


def check(cfg: DictConfig) -> None:
    """Raise ConfigError for an unknown key, a value that is not allowed, or a port that is taken."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    check_node("tracking", config["tracking"], {"uri": or_null(TEXT)})
    with socket.socket() as probe:
        if probe.connect_ex((HOST, config["port"])) == 0:
            raise ConfigError(
                "port", "something answers there already", found=config["port"], allowed="a free port"
            )


@verb(config_name="ui", check=check)
def main(cfg: DictConfig) -> None:
    """Serve until it is interrupted."""
    from pipeline.tracking import open_store
    from pipeline.tracking.addresses import server_of

    uri = open_store(cfg.tracking.uri)
    if server_of(uri):
        print("\n".join(links(uri, uri)))
        return
    address = f"http://{HOST}:{cfg.port}"
    print("\n".join(links(uri, address)), flush=True)
    serve(uri, cfg.port, address, browser=cfg.browser and sys.stdout.isatty())


def links(uri: str, address: str) -> list[str]:
    """Where to look: all runs, the latest one, and the latest sweep if there is one."""
    from pipeline.tracking.addresses import experiment_page
    from pipeline.tracking.reading import latest_of

    run, sweep = latest_of(uri, sweep=False), latest_of(uri, sweep=True)
    if run is None:
        return [f"runs          {address}/{VIEW}  (none yet)"]
    lines = [f"runs          {experiment_page(run.experiment_id, address)}{VIEW}"]
    for word, one in (("latest run", run), ("latest sweep", sweep)):
        if one is not None:
            lines.append(f"{word:12}  {one.url(address)}{VIEW}  ({one.name}, {one.status})")
    return lines


def serve(uri: str, port: int, address: str, *, browser: bool) -> None:
    """Run MLflow's server until it or this process is ended."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    # Its job queue, seven processes of the server, is for what nobody asks of these pages.
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


def wait_for(server: Any, address: str) -> None:
    """Return when the server answers.

    Raises:
        RuntimeError: it ended, or does not answer in two minutes; its own words are on the terminal.
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
