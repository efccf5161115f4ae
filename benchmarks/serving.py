"""A served model under many clients, beside the bare Keras model in one process.

    python -m benchmarks.serving                      # trains the default job first
    python -m benchmarks.serving --run latest         # a run of this folder

The clients send the model's example rows without a pause, and compare every answer with what the model
predicts in this process. The table has rows per second, the median and the 99th percentile of an answer's
time, and the resident memory of all processes of the server before the first request and after the last one.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

from benchmarks.machine import description
from pipeline.page.text_table import text_table
from pipeline.tracking import find_run

SECONDS_TO_START = 300.0
TOLERANCE = 1e-3


@dataclass
class Times:
    """Seconds of each answer, and the answers that were wrong."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    """Serve a model, let clients ask, and print the table; exit with 1 after a wrong answer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", help="of this folder; by default the default job is trained")
    parser.add_argument("--overrides", nargs="*", default=[], help="of the job that is trained")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=1, help="of a request")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = find_run(options.run) if options.run else trained(Path(folder), options.overrides)
        uri = f"runs:/{run.run_id}/model"
        mlflow.set_tracking_uri(run.uri)
        model = mlflow.pyfunc.load_model(uri)
        request = example(uri, options.rows)
        due = model.predict(columns(request))
        with served(uri, run.uri, Path(folder)) as (process, port):
            warm = asked(port, request, due, clients=1, seconds=2)
            before = memory(process)
            server = asked(port, request, due, clients=options.clients, seconds=options.seconds)
            after = memory(process)
        bare = alone(model, request, options.seconds / 4)
    lines = [["", "rows/s", "median ms", "p99 ms", "answers", "wrong"]]
    lines.append(line(f"server, {options.clients} clients", server, options.rows, options.seconds))
    lines.append(line("bare Keras model", bare, options.rows, options.seconds / 4))
    print(text_table(lines))
    print(f"memory of the server: {before:.0f} MB before, {after:.0f} MB after")
    print(description())
    if wrong := warm.wrong + server.wrong:
        print(f"wrong: {wrong[0]}")
        raise SystemExit(1)


def trained(folder: Path, overrides: list[str]) -> Any:
    """Train the default job for one epoch."""
    command = [sys.executable, "-m", "pipeline.train", "trainer.epochs=1", "insight=off", *overrides]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return find_run("latest", f"sqlite:///{folder}/mlruns/mlflow.db")


def example(uri: str, rows: int) -> dict[str, Any]:
    """Return a request of some rows, repeated from the two rows that are logged with the model."""
    path = mlflow.artifacts.download_artifacts(f"{uri}/serving_input_example.json")
    logged = json.loads(Path(path).read_text(encoding="utf-8"))["inputs"]
    return {"inputs": {name: (values * rows)[:rows] for name, values in logged.items()}}


def columns(request: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a request as the server makes them of JSON."""
    found = {}
    for name, values in request["inputs"].items():
        found[name] = np.empty(len(values), dtype=object)
        for row, value in enumerate(values):
            found[name][row] = value
    return found


@contextmanager
def served(uri: str, store: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Serve a model as docs/serving.md says; yield the process and the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # MLflow starts uvicorn by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "MLFLOW_TRACKING_URI": store, "PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(process, port, Path(log.name))
            yield process.pid, port
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.5)
        finally:
            connection.close()
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


def asked(port: int, request: dict[str, Any], due: dict[str, Any], *, clients: int, seconds: float) -> Times:
    """Let clients send a request again and again."""
    times, body, until = Times(), json.dumps(request), time.monotonic() + seconds
    lock = threading.Lock()

    def client() -> None:
        mine = Times()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.monotonic() < until:
            started = time.perf_counter()
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            mine.seconds.append(time.perf_counter() - started)
            if problem := difference(answer.status, text, due):
                mine.wrong.append(problem)
        connection.close()
        with lock:
            times.seconds.extend(mine.seconds)
            times.wrong.extend(mine.wrong)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def difference(status: int, text: bytes, due: dict[str, Any]) -> str:
    """Return what is wrong with an answer; "" if nothing is."""
    if status != http.HTTPStatus.OK:
        return f"status {status}: {text[:200]!r}"
    found = json.loads(text)["predictions"]
    for head, values in due.items():
        if not np.allclose(found[head], values, rtol=TOLERANCE, atol=TOLERANCE):
            return f"{head} is {found[head]}, not {values.tolist()}"
    return ""


def alone(model: Any, request: dict[str, Any], seconds: float) -> Times:
    """Call the Keras model in this process, with arrays that are ready."""
    inner = model.unwrap_python_model()
    tensors = inner.fold_texts(inner.model, inner.values(columns(request)))

    def call() -> dict[str, Any]:
        return {head: np.asarray(out) for head, out in inner.model(tensors, training=False).items()}

    call()
    times, until = Times(), time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        call()
        times.seconds.append(time.perf_counter() - started)
    return times


def memory(group: int) -> float:
    """Return the resident memory of all processes of a group, in MB."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            pid = int(status.parent.name)
            if os.getpgid(pid) == group:
                text = status.read_text(encoding="utf-8")
                total += next(int(one.split()[1]) for one in text.splitlines() if one.startswith("VmRSS:"))
        except (OSError, StopIteration):
            continue  # it has ended
    return total / 1000


def line(name: str, times: Times, rows: int, seconds: float) -> list[str]:
    """Return a line of the table."""
    answers = len(times.seconds)
    median, late = np.percentile(times.seconds, [50, 99]) * 1000
    rate = answers * rows / seconds
    return [name, f"{rate:,.0f}", f"{median:.1f}", f"{late:.1f}", f"{answers:,}", str(len(times.wrong))]


if __name__ == "__main__":
    main()
