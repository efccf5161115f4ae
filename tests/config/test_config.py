from pathlib import Path

from pipeline import config
from tests.config.cases import wrong_configs


@wrong_configs(
    (["seed=???"], "seed: this value is required", ["found:   ???"]),
    (["seed=${sed}"], "seed: Interpolation key 'sed' not found", []),
)
def test_a_missing_value_or_interpolation_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


def test_outside_a_command_there_are_no_overrides():
    assert config.overrides() == []


def test_folders_begin_with_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.folders() == [tmp_path]


def test_a_checkout_has_its_conf_folder_beside_the_package():
    assert Path(config.__file__).parents[2] / "conf" == config.CONF
