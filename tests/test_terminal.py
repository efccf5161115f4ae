"""Lines fit a terminal, stay whole elsewhere, and take the place of a progress bar."""

import io
import logging

import pytest

from pipeline.terminal import CLEAR, TerminalHandler, display_width, fitted, folded, show


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")


def test_long_lines_fit_a_terminal_but_commands_stay_whole():
    text = "one two three four five six\nthen: python -m pipeline.train resume=3f2a"
    assert fitted(text, Terminal()).split("\n") == [
        "one two three four",
        "  five six",
        "then: python -m pipeline.train resume=3f2a",
    ]
    assert fitted(text, io.StringIO()) == text


def test_further_lines_are_indented_below_an_indented_one():
    assert folded("  allowed: one, two, three", 20) == "  allowed: one, two,\n    three"


def test_no_line_ends_between_a_number_and_its_sign():
    assert folded("it all costs 12.3 ± 0.4 points of 80 %", 20).split("\n") == [
        "it all costs",
        "  12.3 ± 0.4 points",
        "  of 80 %",
    ]


def test_paths_stay_whole():
    assert folded("report: a/path/that/is/long/report.html", 20) == (
        "report:\n  a/path/that/is/long/report.html"
    )


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("東京タワー", 10), ("😀", 2), ("e\u0301", 1), ("مرحبا", 5), ("a\u200db", 2)],
)
def test_the_width_is_that_on_the_screen(text, columns):
    assert display_width(text) == columns


def test_a_message_is_one_line_in_a_file_and_clears_a_bar_on_a_terminal():
    message = "a message of more than twenty signs"
    for stream, expected in (
        (io.StringIO(), f"{message}\n"),
        (Terminal(), f"{CLEAR}a message of more\n  than twenty signs\n"),
    ):
        TerminalHandler(stream).handle(logging.makeLogRecord({"msg": message}))
        show(message, stream)
        assert stream.getvalue() == 2 * expected
