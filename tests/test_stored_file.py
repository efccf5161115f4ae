"""Files and tags of runs that are damaged."""

from types import SimpleNamespace

import pytest

from pipeline.errors import ConfigError
from pipeline.stored_file import facts_of, list_in_tag, reading


@pytest.fixture
def run(tmp_path):
    return SimpleNamespace(
        artifact=lambda path: tmp_path / path, tags={"good": '["a"]', "bad": "[", "text": "3"}
    )


def test_a_mapping_is_read_and_anything_else_names_the_file(run, tmp_path):
    (tmp_path / "good.json").write_text('{"a": 1}')
    assert facts_of(run, "good.json") == {"a": 1}
    for content in ("", "[]", "null", "{", "[" * 100_000):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ConfigError, match=r"^run: .*bad\.json is damaged"):
            facts_of(run, "bad.json")


def test_what_is_made_of_a_file_is_part_of_reading_it(run, tmp_path):
    with pytest.raises(ConfigError, match=r"^run: .*x\.csv is damaged"), reading(run, "x.csv"):
        raise KeyError("epoch")
    with pytest.raises(ConfigError, match=r"^key: mine"), reading(run, "x.csv"):
        raise ConfigError("key", "mine")


def test_the_list_in_a_tag_is_read_and_anything_else_names_the_tag(run):
    assert list_in_tag(run, "good", fewest=1) == ["a"]
    with pytest.raises(ConfigError, match=r"^run: the tag good"):
        list_in_tag(run, "good", fewest=2)
    for tag in ("bad", "text", "absent"):
        with pytest.raises(ConfigError, match=f"^run: the tag {tag} of this run is gone or was changed"):
            list_in_tag(run, tag)
