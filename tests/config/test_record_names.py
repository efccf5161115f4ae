"""Names that MLflow cannot store are refused before the data is read."""

import pytest

from pipeline import config
from pipeline.config.record_names import check_record_names
from pipeline.errors import ConfigError
from tests.config.cases import right_configs, wrong_configs


@wrong_configs(
    (["tracking.register=a/b"], "tracking.register: ", ["found:   'a/b'", "without / and :"]),
    (["tracking.register='a:b'"], "tracking.register: ", []),
    (["tracking.register='..'"], "tracking.register: ", []),
    (["tracking.register=''"], "tracking.register: ", []),
    (["tracking.register=5"], "tracking.register: ", ["found:   5"]),
    (["tracking.register=a", "tracking.log_model=false"], "tracking.register: ", ["log_model=true"]),
    (["tracking.experiment=''"], "tracking.experiment: ", ["a text of 1 to 250 characters"]),
    ([f"tracking.experiment={'x' * 251}"], "tracking.experiment: ", []),
    (["tracking.run_name='  '"], "tracking.run_name: ", []),
    (["sweep.name=''"], "sweep.name: ", []),
    (["+tracking.tags={a?b: 1}"], "tracking.tags: ", ["found:   'a?b'"]),
    (["+tracking.tags.a=[1]"], "tracking.tags.a: ", ["a text, a number"]),
    (["resume="], "resume: ", ["a text that is not empty"]),
    (["tracking.uri="], "tracking.uri: ", ["a text that is not empty"]),
    (["tracking.folder="], "tracking.folder: ", []),
)
def test_a_name_that_cannot_be_stored_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


@right_configs(
    ["tracking.register='my model-2'", "sweep.name='it\\'s \"mine\"'", "tracking.run_name='a=1 / b: 2'"],
    ["+tracking.tags={team: birds, a.b/c: 3, done: true}", "tracking.experiment='実験 1'"],
)
def test_other_names_pass(compose, overrides):
    config.check(compose(*overrides))


def test_a_name_with_a_line_break_is_refused():
    with pytest.raises(ConfigError, match=r"sweep\.name: "):
        check_record_names({}, {"name": "two\nlines"})
