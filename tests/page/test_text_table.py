"""Tables for a terminal: columns are aligned, and the module stays light."""

import subprocess
import sys

import pytest

from pipeline.page.text_table import text_table
from pipeline.terminal import display_width


def test_columns_are_aligned_and_trailing_blanks_are_stripped():
    rows = [["", "skill", "note"], ["class", "0.8", ""], ["a long head", "0.25 ± 0.1", "best"]]
    assert text_table(rows).split("\n") == [
        "             skill       note",
        "class        0.8",
        "a long head  0.25 ± 0.1  best",
    ]


def test_a_cell_without_text_still_holds_its_column():
    assert text_table([["a", "", "b"], ["cc", "", "d"]]) == "a     b\ncc    d"


def test_no_rows_are_no_text():
    assert text_table([]) == ""


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        text_table([["a", "b"], ["c"]])


def test_importing_it_loads_no_drawing_and_no_arrays():
    program = (
        "import sys, pipeline.page.text_table\n"
        "heavy = {'numpy', 'matplotlib', 'pandas', 'tensorflow', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


WIDE = [["head", "skill", "metrics"], ["class", "0.8", "accuracy 0.75  f1 0.5  auc 0.875"]]


def test_the_last_column_is_wrapped_between_its_parts():
    assert text_table(WIDE, 44).split("\n") == [
        "head   skill  metrics",
        "class  0.8    accuracy 0.75  f1 0.5",
        "              auc 0.875",
    ]
    assert text_table(WIDE, 80) == text_table(WIDE)


def test_with_little_room_the_last_column_stands_below_the_others():
    assert text_table(WIDE, 28).split("\n") == [
        "head   skill",
        "    metrics",
        "class  0.8",
        "    accuracy 0.75  f1 0.5",
        "    auc 0.875",
    ]


def test_a_part_that_does_not_fit_beside_the_others_stands_below_them():
    rows = [["head", "classes"], ["class", "red 12, a long name of a class 3, blue 45"]]
    assert text_table(rows, 30).split("\n") == [
        "head",
        "    classes",
        "class",
        "    red 12,",
        "    a long name of a class 3,",
        "    blue 45",
    ]


def test_signs_that_move_the_cursor_do_not_move_columns():
    assert text_table([["a\tb\nc", "1"], ["\x1b[31m", "2"]]) == "a b c     1\n\\x1b[31m  2"


def test_lists_are_wrapped_after_a_comma_and_empty_cells_take_no_line():
    rows = [["class", "red 12, green 3, blue 45, yellow 6"], ["score", ""]]
    assert text_table(rows, 36).split("\n") == [
        "class  red 12, green 3, blue 45,",
        "       yellow 6",
        "score",
    ]


def test_long_names_are_wrapped_where_no_column_would_fit_beside_them():
    rows = [
        ["head", "best", "classes"],
        ["the_weight_in_kilograms", "a long name of a class", "red 12"],
        ["東京タワー", "12", ""],
    ]
    assert text_table(rows, 30).split("\n") == [
        "head            best",
        "    classes",
        "the_weight_in_  a long name",
        "kilograms       of a class",
        "    red 12",
        "東京タワー      12",
    ]


def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost():
    names = ["Straßenbahnhaltestelle" * 3, "<script>alert(1)</script>", "مرحبا بالعالم", "😀🎉", "赤" * 30]
    rows = [["head", "rows", "best", "classes"], *([name, "540", name, f"{name} 12"] for name in names)]
    for width in (60, 80, 100):
        text = text_table(rows, width)
        beside = [line for line in text.split("\n") if not line.startswith("    ")]
        assert max(map(display_width, beside)) <= width
        whole = "".join("".join(row) for row in rows)
        assert sorted("".join(text.split())) == sorted(whole.replace(" ", ""))
