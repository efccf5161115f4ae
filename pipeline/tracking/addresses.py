"""Addresses of MLflow's pages: absolute if the address of a server is given, else relative to its pages."""

import json
from collections.abc import Sequence
from urllib.parse import quote


def experiment_page(experiment_id: str, server: str = "") -> str:
    """The page that lists an experiment's runs."""
    return f"{_root(server)}#/experiments/{experiment_id}"


def run_page(experiment_id: str, run_id: str, server: str = "") -> str:
    """A run's page.

    Example:
        >>> run_page("1", "4ad2", "http://127.0.0.1:5000")
        'http://127.0.0.1:5000/#/experiments/1/runs/4ad2'
    """
    return f"{experiment_page(experiment_id, server)}/runs/{run_id}"


def compare_page(experiment_id: str, run_ids: Sequence[str], server: str = "") -> str:
    """The page that compares runs of one experiment."""
    runs, experiments = json.dumps(list(run_ids)), json.dumps([experiment_id])
    return f"{_root(server)}#/compare-runs?runs={quote(runs)}&experiments={quote(experiments)}"


def server_of(uri: str) -> str | None:
    """The address of the server, if a tracking URI names one; None for a database or a folder."""
    return uri if uri.startswith(("http://", "https://")) else None


def _root(server: str) -> str:
    return f"{server.rstrip('/')}/" if server else ""
