"""Text that any machine can draw, and numbers that are easy to read."""

import logging

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font

from pipeline.page import style
from tests.pages import words

NAN = float("nan")


@pytest.fixture
def only_dejavu(monkeypatch):
    """A machine whose only font is DejaVu Sans."""
    monkeypatch.setattr(style, "_FURTHER_FONTS", ())


def test_a_second_font_draws_what_the_first_one_lacks():
    # cmr10 and DejaVu Sans both come with matplotlib; cmr10 has no Cyrillic.
    assert style.families(["abc"], ["DejaVu"], first="cmr10") == ["cmr10"]
    assert style.families(["ab ж"], ["No Such Font"], first="cmr10") == ["cmr10"]
    fonts = style.families(["ab ж"], ["DejaVu Sans"], first="cmr10")
    assert len(fonts) == 2
    with style.look([]), matplotlib.rc_context({"font.family": fonts}):
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0.5, style.clean("ab ж"))
        assert words(figure) == "ab ж"


def test_a_font_without_a_bold_face_is_used_without_a_warning(caplog):
    with style.look(["ж"]):
        assert style.families(["ж"], ["cmr10"], first="cmsy10") == ["cmsy10"]
    assert caplog.messages == []
    assert logging.getLogger("matplotlib.font_manager").level == logging.NOTSET


def test_the_look_is_the_same_in_any_users_style_and_leaves_it_alone():
    keys = ("axes.facecolor", "font.size", "lines.linewidth", "axes.grid")
    with style.look([]):
        plain = [matplotlib.rcParams[key] for key in keys]
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 3, "lines.linewidth": 9}):
        before = [matplotlib.rcParams[key] for key in keys]
        with style.look([]):
            assert [matplotlib.rcParams[key] for key in keys] == plain
        assert [matplotlib.rcParams[key] for key in keys] == before


def test_a_dollar_starts_no_formula():
    with style.look([]):
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0.5, style.clean("$5 to $10"))
        figure.text(0, 0.2, style.clean(r"already \$ escaped"))
        assert words(figure).split("\n") == [r"\$5 to \$10", r"already \$ escaped"]
        assert style.clean(style.clean("$5")) == r"\$5"


def test_text_is_cut_and_joined_to_one_line():
    with style.look([]):
        assert style.clean("two\n  words") == "two words"
        assert style.clean("abcdef", 4) == "abc…"
        assert style.clean("abcd", 4) == "abcd"


def test_characters_without_a_font_are_boxes_and_classes_become_numbers(only_dejavu):
    names = ["other", "木", "氵"]
    with style.look(names):
        assert style.clean("木の house") == "□□ house"
        assert style.class_labels(names) == ["other", "#1", "#2"]
        assert style.legend_of(names).endswith("numbers instead: #1 木, #2 氵")
        assert style.legend_of(["other"]) == ""


def test_long_names_break_before_capitals_and_no_line_is_too_wide():
    with style.look([]):
        assert style.wrap("SparseCategoricalCrossentropy", 1.4, 8.5) == ["Sparse Categorical", "Crossentropy"]
        assert style.wrap("Dense", 1.4, 8.5) == ["Dense"]
        assert max(map(len, style.wrap("x" * 100, 1.4, 8.5))) <= 20


def test_numbers_are_short():
    values = [0.123456, 12345.678, 1234, True, NAN, 1e-7, "a", np.float32(0.5), np.int64(7)]
    shown = ["0.1235", "12,346", "1,234", "True", "–", "1e-07", "a", "0.5", "7"]
    assert [style.number(value) for value in values] == shown


def test_panels_fill_rows_and_a_sheet_is_in_inches():
    figure, axes = style.panels(4, columns=3, height=2)
    assert len(axes) == 4
    assert axes[3].get_subplotspec().rowspan.start == 1
    assert figure.get_figheight() == pytest.approx(2 * 2 + 0.4)
    figure, axes = style.sheet(3, 2)
    assert tuple(figure.get_size_inches()) == (3, 2)
    assert axes.get_xlim() == (0, 3)
    assert axes.get_ylim() == (2, 0)


def test_tables_have_the_numbers_of_names_that_figures_cannot_show(only_dejavu):
    with style.look([]):
        assert style.numbered(["other", "木"]) == ["other", "#1 木"]


def test_a_font_that_was_installed_after_matplotlib_listed_them_is_found(monkeypatch):
    fonts = [font for font in fontManager.ttflist if font.name == "STIXGeneral"]
    dejavu = get_font(next(font.fname for font in fontManager.ttflist if font.name == "DejaVu Sans"))
    both = set.intersection(*(set(get_font(font.fname).get_charmap()) for font in fonts))
    character = chr(min(code for code in both if not dejavu.get_char_index(code)))
    style._add_new_fonts.cache_clear()
    listed = [font for font in fontManager.ttflist if font.name != "STIXGeneral"]
    monkeypatch.setattr(fontManager, "ttflist", listed)
    monkeypatch.setattr(style, "findSystemFonts", lambda: [font.fname for font in fonts])
    assert style.families([character], ["STIX"]) == ["DejaVu Sans", "STIXGeneral"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.91234, 0.0123, "0.912 ± 0.012"),
        (1.0, 2.2e-16, "1 ± 0"),
        (1234.5, 67.8, "1,234 ± 68"),
        (0.5, float("nan"), "0.5"),
    ],
)
def test_a_value_and_its_error_have_the_same_decimals(value, error, text):
    assert style.plus_minus(value, error) == text


def test_text_goes_on_from_left_to_right_after_a_name_that_does_not():
    with style.look(["مرحبا", "שלום"]):
        assert style.class_labels(["مرحبا", "שלום", "plain"]) == ["مرحبا\u200e", "שלום\u200e", "plain"]
        assert style.drawable("\u200e")


def test_names_with_control_characters_are_numbered_whatever_a_font_has_for_them():
    with style.look(["a\x1bb"]):
        assert style.class_labels(["a\x1bb", "a"]) == ["#0", "a"]
