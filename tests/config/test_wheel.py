import zipfile
from pathlib import Path

from pipeline import config
from tests.processes import python

ROOT = Path(__file__).parents[2]


def test_a_wheel_contains_every_config_and_works_in_any_folder(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    for file in config.CONF.rglob("*.yaml"):
        assert (installed / "pipeline" / "conf" / file.relative_to(config.CONF)).is_file()
    code = "from pipeline import config; print(config.CONF)"
    done = python(code, where=tmp_path, more={"PYTHONPATH": str(installed)})
    assert done.stdout.strip() == str(installed / "pipeline" / "conf"), done.stderr
