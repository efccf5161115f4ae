"""The elements of a page have safe defaults."""

from pipeline.page.elements import Section, Table


def test_sections_share_no_figures_or_tables():
    one, other = Section("one"), Section("other")
    one.figures["line"] = b""
    one.tables["numbers"] = Table([], [])
    one.paragraphs.append("text")
    assert (other.figures, other.tables, other.paragraphs) == ({}, {}, [])


def test_a_table_is_open_by_default():
    assert Table(["a"], [[1]]).show == "open"
