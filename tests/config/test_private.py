"""Passwords and values of the environment stay out of everything that is stored or shown."""

import pytest
from omegaconf import OmegaConf

from pipeline import secrets
from pipeline.config.private import ADDRESS, hide_passwords, public
from pipeline.errors import ConfigError, printable


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(secrets, "_known", {})
    monkeypatch.delenv(ADDRESS, raising=False)


def test_values_of_the_environment_stay_as_written_and_all_others_are_resolved(monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter22")
    cfg = OmegaConf.create(
        {
            "token": "${oc.env:TOKEN}",
            "through": "a ${token} b",
            "node": "${whole}",
            "whole": {"deep": "${oc.env:TOKEN}", "plain": "${seed}"},
            "list": ["${oc.env:TOKEN}", "${seed}"],
            "seed": 3,
            "default": "${oc.env:NOT_SET,7}",
            "decoded": "${oc.decode:${oc.env:TOKEN}}",
        }
    )
    found = public(cfg)
    assert found == {
        "token": "${oc.env:TOKEN}",
        "through": "a ${token} b",
        "node": {"deep": "${oc.env:TOKEN}", "plain": 3},
        "whole": {"deep": "${oc.env:TOKEN}", "plain": 3},
        "list": ["${oc.env:TOKEN}", 3],
        "seed": 3,
        "default": "7",
        "decoded": "${oc.decode:${oc.env:TOKEN}}",
    }
    # A stored config means the same again.
    assert OmegaConf.create(found).through == "a hunter22 b"


def test_a_value_of_the_environment_is_not_shown_in_a_message(monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter22")
    value = OmegaConf.create({"token": "${oc.env:TOKEN}"}).token
    assert "hunter22" not in str(ConfigError("token", "is wrong", found=value))
    assert printable(f"it is {value}!") == "it is ${oc.env:TOKEN}!"


def test_of_an_address_in_the_environment_only_the_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("STORE", "http://ann:hunter22@host:5000")
    assert OmegaConf.create({"uri": "${oc.env:STORE}"}).uri.startswith("http://ann:hunter22@")
    assert printable("http://host:5000/#/runs of hunter22") == "http://host:5000/#/runs of ***"


def test_the_password_of_an_address_in_a_file_is_left_out():
    cfg = OmegaConf.create(
        {"tracking": {"uri": "postgresql://ann:s3cr3t@host/db"}, "text": "at 12:30 @ home"}
    )
    assert public(cfg) == {"tracking": {"uri": "postgresql://ann@host/db"}, "text": "at 12:30 @ home"}


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_an_address_with_a_password_on_the_command_line_goes_into_the_environment(quote, monkeypatch):
    monkeypatch.setenv(ADDRESS, "")  # restored after the test
    words = ["seed=1", f"tracking.uri={quote}https://ann:s3cr3t@host:5000{quote}"]
    hidden = hide_passwords(words)
    assert hidden == ["seed=1", f"tracking.uri=${{oc.env:{ADDRESS}}}"]
    cfg = OmegaConf.from_dotlist([hidden[1]])
    assert cfg.tracking.uri == "https://ann:s3cr3t@host:5000"


@pytest.mark.parametrize(
    "word", ["tracking.uri=http://host:5000", "tracking.uri=null", "data.sources.a=x:y@z"]
)
def test_other_words_stay_as_they_are(word):
    assert hide_passwords([word]) == [word]
