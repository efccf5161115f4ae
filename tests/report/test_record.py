"""A report's data are plain values that may come from anywhere."""

from dataclasses import replace

import pytest

from pipeline.page.elements import Section
from tests.report.sample import record


def test_records_share_no_sections():
    one, other = record(), record()
    one.sections.append(Section("Insight"))
    assert other.sections == []


def test_a_record_is_changed_by_a_copy_only():
    run = record()
    assert replace(run, best_epoch=2).best_epoch == 2
    with pytest.raises(AttributeError):
        run.best_epoch = 2
