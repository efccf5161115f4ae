"""`pipeline.schema`: one schema on the terminal, or a folder of them and settings for an editor."""

import json

import pytest

from pipeline import schema
from pipeline.errors import ConfigError


def test_the_schema_of_a_whole_config_is_json_with_a_definition_of_each_group():
    whole = json.loads(schema.whole())
    assert whole["properties"].keys() >= {"seed", "data", "heads", "trainer"}
    assert whole["definitions"].keys() >= {"data", "branch", "head", "trainer"}


def test_a_folder_gets_a_file_for_each_group_and_the_settings_name_all_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    title, _, settings = schema.write(schema.Path("schemas"))
    files = sorted(path.name for path in (tmp_path / "schemas").iterdir())
    assert title == f"{len(files)} schemas in schemas"
    assert json.loads(settings)["yaml.schemas"].keys() == {f"./schemas/{name}" for name in files}
    assert json.loads((tmp_path / "schemas" / "data.json").read_text())["title"] == "pipeline: data"


@pytest.mark.parametrize("theirs", ["", "{}", "[1]", '{"title": "mine"}', "\0"])
def test_a_file_of_another_origin_is_kept_and_an_own_one_replaced(tmp_path, theirs):
    schema.write(tmp_path)
    schema.write(tmp_path)
    (tmp_path / "trainer.json").write_text(theirs)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ConfigError, match="would overwrite a file that is no schema"):
        schema.write(tmp_path)
    assert (tmp_path / "trainer.json").read_text() == theirs
    assert not (tmp_path / "config.json").exists()
