"""Interpolations of a few lines do not fill the memory."""

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

import pipeline.config.expansion  # noqa: F401 - limits OmegaConf

LINES = range(1, 12)


@pytest.mark.parametrize("first", ["word" * 10, ""])
def test_a_text_that_doubles_with_each_line_is_refused(first):
    lines = {"x0": first, **{f"x{i}": f"${{x{i - 1}}}" * 10 for i in LINES}}
    with pytest.raises(InterpolationResolutionError, match="more than"):
        _ = OmegaConf.create(lines).x11


def test_a_text_that_doubles_is_refused_where_a_whole_config_is_resolved():
    lines = {"x0": "word", **{f"x{i}": f"${{x{i - 1}}}" * 10 for i in LINES}}
    with pytest.raises(InterpolationResolutionError, match="more than 100,000 characters"):
        OmegaConf.to_container(OmegaConf.create(lines), resolve=True)


def test_a_mapping_that_doubles_with_each_line_is_refused():
    lines = {
        "x0": {"a": 1},
        **{f"x{i}": {"a": f"${{x{i - 1}}}", "b": f"${{x{i - 1}}}"} for i in range(1, 17)},
    }
    with pytest.raises(InterpolationResolutionError, match="mappings and lists"):
        OmegaConf.to_container(OmegaConf.create(lines), resolve=True)


def test_hundreds_of_values_may_name_one_another():
    lines = {"x0": 1, **{f"x{i}": f"${{x{i - 1}}}" for i in range(1, 60)}}
    heads = {f"h{i}": {"weight": "${x59}", "loss": {"name": "${x0}"}} for i in range(500)}
    plain = OmegaConf.to_container(OmegaConf.create({**lines, "heads": heads}), resolve=True)
    assert plain["heads"]["h499"] == {"weight": 1, "loss": {"name": 1}}
