"""Which heads of a report are drawn."""

from dataclasses import replace

import pytest

from pipeline import report
from pipeline.report import chosen
from tests.pages import read_page
from tests.report.sample import head, record


def with_skills(**skills):
    made = head("number")
    return {name: replace(made, test={**made.test, "skill": skill}) for name, skill in skills.items()}


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(chosen, "MOST_HEADS", 2)


def test_all_heads_of_a_usual_run_are_drawn():
    heads = with_skills(**{f"h{number}": 0.1 for number in range(chosen.MOST_HEADS)})
    assert chosen.drawn_heads(heads) == list(heads)
    assert chosen.choice(heads) == ""


def test_of_many_heads_those_with_the_lowest_skill_are_drawn_in_their_order(two):
    heads = with_skills(a=0.2, b=float("nan"), c=0.9, d=-0.5)
    assert chosen.drawn_heads(heads) == ["a", "d"]


def test_the_page_says_which_heads_are_drawn_and_lists_all(two, tmp_path):
    asked = []
    heads = with_skills(low=0.1, high=0.9, middle=0.5)
    report.write(tmp_path, record(heads, explain=lambda names: asked.append(names) or {}))
    page = read_page(tmp_path)
    assert "Of the 3 heads, the 2 with the lowest skill are drawn" in page.text
    assert "Head low" in page.text
    assert "Head high" not in page.text
    assert asked == [["low", "middle"]]
    assert "high" in (tmp_path / "tables" / "heads.csv").read_text()
