"""Sends what runs left behind when their store could not be reached."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.paths import waiting_folder, write_text
from pipeline.tracking.addresses import without_password
from pipeline.tracking.opening import failing_with, open_store
from pipeline.tracking.outbox import JOURNAL, Entry, remove, send_all, waits
from pipeline.tracking.sending import Sender


@dataclass(frozen=True)
class Waiting:
    """What waits of a run, and where it belongs."""

    folder: Path
    run: str
    experiment: str
    place: str
    uri: str


def leave(run_id: str, experiment_id: str, uri: str, entries: Sequence[Entry]) -> Path:
    """Writes entries of a run that has ended; returns the folder in which they wait for `send`."""
    folder = waiting_folder(run_id)
    facts = {"run": run_id, "experiment": experiment_id, "place": "", "uri": without_password(uri)}
    write_text(folder / "run.json", json.dumps(facts))
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.writelines(f"{json.dumps(entry)}\n" for entry in entries)
    return folder


def find(folders: Sequence[Path]) -> list[Waiting]:
    """What waits in the folders; those of which everything was sent are removed.

    Raises:
        ConfigError: the description of a run is damaged.
    """
    found = []
    for folder in folders:
        path = folder / "run.json"
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            found.append(Waiting(folder, facts["run"], facts["experiment"], facts["place"], facts["uri"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            if not (folder / JOURNAL).exists():
                continue
            raise ConfigError(
                "run", f"{path} is damaged", found=folder.name, allowed="a copy of the file from a backup"
            ) from error
    return found


def send(waiting: Waiting, uri: str | None) -> str:
    """Sends what waits of a run; returns a line about it.

    Args:
        uri: the address of the store; None: the one that the run was opened with.

    Raises:
        ConfigError: the store cannot be reached.
    """
    address = open_store(uri or _address(waiting))
    client = MlflowClient(address)
    sender = Sender(client, address, waiting.run, waiting.experiment, waiting.place)
    try:
        with failing_with("tracking.uri", address):
            if not waits(waiting.folder):
                remove(waiting.folder)
                return f"run {waiting.run}: everything was sent before"
            count = send_all(waiting.folder, sender)
            status = client.get_run(waiting.run).info.status
    except Timeout:
        return f"run {waiting.run}: its process is running and sends it itself"
    return f"run {waiting.run}: sent {count} entries; it is {status}"


def _address(waiting: Waiting) -> str | None:
    """The run's address; None if the environment names the same one, perhaps with a password."""
    import os

    named = os.environ.get("MLFLOW_TRACKING_URI")
    return None if named and without_password(named) == waiting.uri else waiting.uri
