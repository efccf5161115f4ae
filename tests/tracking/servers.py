"""A real MLflow server on 127.0.0.1 that a test starts and kills, and a proxy that answers late."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests import processes


class Server:
    """An MLflow server with its database and artifacts in a folder; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, processes.free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        places = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        places += ["--artifacts-destination", str(self.folder / "server")]
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            *places,
            "--workers",
            "1",
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1"],
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError("the server does not start")

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def slow(server: Server, seconds: float) -> Iterator[tuple[str, list[str]]]:
    """A proxy of the server that answers so many seconds late; yields its address and its requests."""
    requests: list[str] = []

    class Late(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            request = urllib.request.Request(
                server.uri + self.path, body or None, headers, method=self.command
            )
            try:
                with urllib.request.urlopen(request) as answer:
                    status, text, found = answer.status, answer.read(), answer.headers
            except urllib.error.HTTPError as error:
                status, text, found = error.code, error.read(), error.headers
            time.sleep(seconds)
            self.send_response(status)
            self.send_header("Content-Type", found.get("Content-Type", "text/plain"))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Late, f"do_{method}", Late.answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}", requests
        finally:
            proxy.shutdown()
