"""The report's section on insight draws and lists what was measured."""

import numpy as np
import pytest

from pipeline.flow_names import cosine, received, sent, update
from pipeline.insight import insight_section
from pipeline.insight.contribution import ALL, Contribution
from pipeline.insight.section import (
    MOST_ROWS,
    MOST_SENTENCES,
    contribution_matrix,
    contribution_table,
    flow_maps,
    flow_table,
)
from pipeline.page.style import look

NAN = float("nan")
HEADS, BRANCHES = ["a", "a_b"], ["image", "series"]
HISTORY = {
    sent("a", "image"): [1.0, 3.0],
    sent("a", "image", "_weights"): [0.1, 0.2],
    sent("a", "image", "_share"): [1.0, 1.0],
    sent("a_b", "image"): [5.0, 5.0],
    received("image", "a"): [0.25, 0.25],
    received("image", "a_b"): [0.75, NAN],
    cosine("a", "a_b"): [-0.5, 0.5],
    update("fusion"): [0.01, 0.0],
}


def result(branch, head, how="permuted", points=10.0):
    before, after = {"loss": 0.1, "skill": 0.9, "mae": 2.0}, {"loss": 0.2, "skill": 0.9 - points / 100}
    return Contribution(branch, head, how, before, after, {"skill": 0.01}, (500, 962))


@pytest.fixture(autouse=True)
def drawing():
    with look([]):
        yield


def test_the_section_has_sentences_figures_and_tables():
    section = insight_section(HISTORY, HEADS, BRANCHES, [result("image", "a")], ["one sentence"])
    assert section.paragraphs == ["One sentence."]
    assert section.figures.keys() == section.tables.keys() == {"flow", "contribution"}


def test_of_many_sentences_the_first_are_on_the_page_and_all_of_them_a_click_away():
    words = ["a contributes nothing", *(f"more {n}" for n in range(MOST_SENTENCES))]
    section = insight_section(HISTORY, HEADS, BRANCHES, [result("image", "a")], words)
    assert section.paragraphs[:2] == ["a contributes nothing.", "More 0."]  # a is the name of a head
    assert len(section.paragraphs) == MOST_SENTENCES
    table = section.tables["findings"]
    assert (table.show, [row[0] for row in table.rows]) == ("folded", words)


def test_without_insight_there_is_no_section():
    assert insight_section({"val/loss": [1.0]}, HEADS, BRANCHES, [], []) is None


def test_heat_maps_show_every_epoch_of_what_was_measured():
    titles = {axes.get_title(loc="left"): axes for axes in flow_maps(HISTORY, HEADS, BRANCHES).figure.axes}
    cosines = titles["cosine of the heads' gradients"].images[0]
    assert cosines.get_array().tolist() == [[-0.5, 0.5]]
    assert cosines.get_clim() == (-0.5, 0.5)
    assert titles["share of the branch's gradient"].images[0].get_clim() == (0, 0.75)
    sizes = titles["change of the weights per epoch"].images[0]
    assert sizes.get_clim() == (0, 0.01)


def test_what_was_not_measured_is_not_drawn_as_zero():
    axes = {axes.get_title(loc="left"): axes for axes in flow_maps(HISTORY, HEADS, BRANCHES).figure.axes}
    shares = axes["share of the branch's gradient"].images[0]
    assert shares.get_array().mask.tolist() == [[False, False], [False, True]]
    changes = axes["change of the weights per epoch"].images[0]
    assert changes.get_array().tolist() == [[0.01, 0.0]]
    zero = changes.cmap(changes.norm(0.0))
    assert zero[:3] == (1.0, 1.0, 1.0)
    absent = axes["share of the branch's gradient"].patch
    assert absent.get_hatch()
    assert absent.get_facecolor()[:3] != zero[:3]


def test_the_maps_name_the_parts_that_changed():
    titles = {axes.get_title(loc="left"): axes for axes in flow_maps(HISTORY, HEADS, BRANCHES).figure.axes}
    labels = [label.get_text() for label in titles["change of the weights per epoch"].get_yticklabels()]
    assert labels == ["fusion"]


def test_a_heat_map_has_the_largest_rows_only():
    many = {update(f"part_{n:02}"): [float(n)] for n in range(MOST_ROWS + 3)}
    (axes, _) = flow_maps(many, [], []).figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == MOST_ROWS
    assert labels[0] == "part_03"


def test_flow_is_listed_by_head_and_branch_as_means_over_epochs():
    table = flow_table(HISTORY, HEADS, BRANCHES)
    assert [row[:2] for row in table.rows] == [["a", "image"], ["a_b", "image"]]
    np.testing.assert_allclose(
        np.array([row[2:] for row in table.rows]), [[2, 0.15, 1, 0.25], [5, NAN, NAN, 0.75]]
    )


def test_the_matrix_shows_the_points_lost_per_head_and_branch_and_not_the_sanity_check():
    results = [
        result("image", "b", points=10.0),
        result("series", "b", points=150.0),
        result("image", "a", points=-4.0),
        result("image", "a", "stand-in", points=70.0),
        result(ALL, "a"),
    ]
    (axes,) = contribution_matrix(results).figure.axes
    np.testing.assert_allclose(axes.images[0].get_array().filled(NAN), [[10, 150], [-4, NAN]])
    assert axes.images[0].get_clim() == (0, 100)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert {text.get_text() for text in axes.texts} == {"10.0 ± 1.0", "150.0 ± 1.0", "-4.0 ± 1.0"}
    assert contribution_matrix([result(ALL, "a")]) is None


def test_contributions_are_listed_with_their_first_metric():
    table = contribution_table([result(ALL, "a"), result("image", "a_b"), result("image", "a")])
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["head"], row["branch"]) for row in rows] == [("a", ALL), ("a", "image"), ("a_b", "image")]
    assert rows[1]["points lost"] == pytest.approx(10)
    assert (rows[1]["metric"], rows[1]["value"]) == ("mae", 2.0)
    assert np.isnan(rows[1]["value without"])
    assert table.caption.startswith("Contributions in full. 500 of the 962 validation rows")


def test_of_hundreds_of_heads_the_matrix_has_those_with_the_largest_numbers(drawing):
    many = [result("image", f"h{number}", points=float(number)) for number in range(100)]
    drawn = contribution_matrix(many)
    labels = [tick.get_text() for tick in drawn.figure.axes[0].get_yticklabels()]
    assert labels == [f"h{number}" for number in range(100 - MOST_ROWS, 100)]
    assert f"Only the {MOST_ROWS} of 100 heads" in drawn.caption
