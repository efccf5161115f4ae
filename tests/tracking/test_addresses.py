"""Addresses of MLflow's pages."""

import json
from urllib.parse import parse_qs

import pytest

from pipeline.tracking.addresses import compare_page, experiment_page, run_page, server_of


def test_a_page_is_under_its_server_or_relative_to_the_page_that_links_to_it():
    assert run_page("1", "ab") == "#/experiments/1/runs/ab"
    assert run_page("1", "ab", "http://host:5000") == "http://host:5000/#/experiments/1/runs/ab"
    assert experiment_page("1", "http://host:5000/") == "http://host:5000/#/experiments/1"


def test_the_page_that_compares_names_all_runs():
    query = parse_qs(compare_page("7", ["ab", "cd"]).partition("?")[2])
    assert json.loads(query["runs"][0]) == ["ab", "cd"]
    assert json.loads(query["experiments"][0]) == ["7"]


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        ("http://a:1", "http://a:1"),
        ("https://a", "https://a"),
        ("sqlite:///x.db", None),
        ("databricks", None),
    ],
)
def test_only_a_server_has_an_address(uri, server):
    assert server_of(uri) == server
