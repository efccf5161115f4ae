"""What single columns mean: members of every kind, and what looks like them but is none."""

import numpy as np
import pandas as pd
import pytest

from tests.data.guess.guesses import NUMBERS, RANDOM, ROWS, meaning, meanings, write

WHOLE = np.arange(ROWS)
DAYS = pd.date_range("2021-03-01", periods=ROWS, freq="D")


def drawn(*values):
    return RANDOM.choice(np.array(values, dtype=object), ROWS)


def texts():
    words = ["the", "film", "was", "good", "bad", "long", "short", "and", "a", "plot", "hero", "music"]
    return [" ".join(RANDOM.choice(words, RANDOM.integers(4, 9))) for _ in range(ROWS)]


KINDS = {
    "numbers": ("x", NUMBERS, "number"),
    "numbers with gaps": ("x", np.where(NUMBERS > 1, np.nan, NUMBERS), "number"),
    "thousands": ("x", [f"{value:,.2f}" for value in abs(NUMBERS) * 1e5], "number"),
    "whole numbers": ("x", RANDOM.integers(0, 500, ROWS), "number"),
    "few whole numbers": ("rooms", RANDOM.integers(1, 6, ROWS), "number"),
    "question marks for missing numbers": ("x", [*map(str, NUMBERS[:-9]), *["?"] * 9], "number"),
    "hyphens for missing numbers": ("x", [*map(str, NUMBERS[:-9]), *["-"] * 9], "number"),
    "years": ("year", 1900 + WHOLE, "number"),
    "0 and 1": ("x", RANDOM.integers(0, 2, ROWS), "flag"),
    "0.0 and 1.0": ("x", RANDOM.integers(0, 2, ROWS).astype(float), "flag"),
    "booleans": ("x", NUMBERS > 0, "flag"),
    "yes and no": ("x", drawn("Yes", "No"), "flag"),
    "Y and N": ("x", drawn("Y", "N"), "flag"),
    "words": ("x", drawn("red", "green", "blue"), "class"),
    "the word None": ("x", drawn("None", "Dent", "Crack"), "class"),
    "two words": ("x", drawn("up", "down"), "class"),
    "names of towns": ("x", drawn("New York", "Los Angeles", "San Francisco"), "class"),
    "leading zeros": ("plz", drawn("01067", "10115", "00007", "7"), "class"),
    "18 digits, repeated": ("item", drawn(103241243500726324, 103241243500726320), "class"),
    "codes by their name": ("type", drawn(10, 20, 30), "class"),
    "mixed words and numbers": ("x", drawn("1", "2", "many"), "class"),
    "ISO dates": ("day", DAYS.strftime("%Y-%m-%d"), "date"),
    "American dates": ("x", DAYS.strftime("%m/%d/%Y"), "date"),
    "German dates": ("x", DAYS.strftime("%d.%m.%Y"), "date"),
    "times of day too": ("x", DAYS.strftime("%Y-%m-%d %H:%M:%S"), "date"),
    "months in words": ("x", DAYS.strftime("%d %b %Y"), "date"),
    "dates as whole numbers": ("date", DAYS.strftime("%Y%m%d").astype(int), "date"),
    "row numbers": ("x", WHOLE, "identifier"),
    "row numbers from 1, downwards": ("x", WHOLE[::-1] + 1, "identifier"),
    "unique ids": ("flight_id", RANDOM.permutation(10 * ROWS)[:ROWS], "identifier"),
    "unique words": ("x", [f"f{row}q" for row in WHOLE], "identifier"),
    "hashes": ("x", [f"{row:032x}" for row in WHOLE * 7919], "identifier"),
    "addresses": ("x", [f"https://example.org/{row}" for row in WHOLE], "identifier"),
    "patients with several rows": ("patient", np.repeat(np.arange(40), 3), "identifier"),
    "users with several rows": ("user_id", np.repeat([f"u{row}" for row in range(40)], 3), "identifier"),
    "texts": ("x", texts(), "text"),
    "Russian texts": ("x", [text.replace("the", "это").replace("film", "фильм") for text in texts()], "text"),
    "texts without blanks": ("x", [f"これは文{row}です、良い" for row in WHOLE], "text"),
    "the same everywhere": ("x", ["a"] * ROWS, "constant"),
    "hardly any values": ("x", [3.5, 4.5, *[None] * (ROWS - 2)], "empty"),
    "empty": ("x", [None] * ROWS, "empty"),
    "amounts of money": ("x", [f"${value:.2f}" for value in abs(NUMBERS)], "number"),
    "per cent": ("x", [f"{value:.2f}%" for value in abs(NUMBERS)], "number"),
    "numbers with a slip": ("x", [*map(str, NUMBERS[1:]), "1.2.3"], "other"),
    "lists in brackets": ("x", [f"[{value}, {value}]" for value in NUMBERS], "series"),
    "lists of lists": ("x", [f"[[{value}, 2], [3, 4]]" for value in NUMBERS], "series"),
    "numbers side by side": ("x", [f"{value} 1.5 2.25 {value}" for value in NUMBERS], "series"),
    "ages of patients": ("patient_age", RANDOM.integers(20, 80, ROWS), "number"),
    "lengths in sequence": ("height", 58 + WHOLE, "number"),
    "a title of digits": ("title", [*(f"a film of {row}" for row in WHOLE[1:]), "007"], "text"),
    "booleans with a gap": ("x", [None, *(NUMBERS > 0)[1:]], "flag"),
    "durations": ("x", [f"{row % 3} days 00:{row % 60:02}:05" for row in WHOLE], "date"),
    "times of day": ("x", [f"{row % 24:02}:30" for row in WHOLE], "date"),
    "Unix seconds": ("timestamp", 1_700_000_000 + 977 * RANDOM.permutation(ROWS), "date"),
    "seconds since the start": ("time", 0.5 + 977.5 * WHOLE, "number"),
    "dates with a slip": ("day", [*DAYS.strftime("%Y-%m-%d")[1:], "2021-13-45"], "other"),
    "version numbers": ("x", [f"1.{row % 5}.0" for row in WHOLE], "class"),
    "infinite": ("x", [*NUMBERS[1:], np.inf], "other"),
}


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_is_taken_for_what_it_is(case, suffix, tmp_path):
    name, cells, kind = KINDS[case]
    found = meaning(tmp_path, cells, name, suffix)
    assert found.kind == kind, found
    assert found.why


@pytest.mark.parametrize("separator", ["|", ";", ", ", " "])
def test_several_labels_in_a_cell_are_labels(separator, tmp_path):
    chosen = RANDOM.random((ROWS, 3)) > 0.5
    cells = [separator.join(np.array(["sea", "wood", "sand"])[row]) for row in chosen]
    found = meaning(tmp_path, cells)
    assert found.kind == "labels"
    assert found.options["separator"] == (separator.strip() or " ")


@pytest.mark.parametrize(
    "cells",
    [
        drawn("light blue", "dark blue", "light red"),
        drawn("a, b", "b, a"),
        drawn("average", "much better", "much worse", "better", "worse"),
        drawn("South America", "North America", "Western Europe", "Europe", "Asia", "South Asia"),
    ],
)
def test_classes_of_several_words_are_no_labels(cells, tmp_path):
    assert meaning(tmp_path, cells).kind == "class"


def test_words_for_missing_numbers_are_missing_in_the_whole_source(tmp_path):
    file = write(tmp_path, x=[*map(str, NUMBERS[:-9]), *["?"] * 9], word=drawn("a", "b", "c", "?"))
    found = meanings(file)
    assert found["x"].why.endswith("9 missing")
    assert "?" not in found["word"].why


def test_a_number_far_from_all_others_is_asked_about(tmp_path):
    cells = np.where(NUMBERS > 1, -999, NUMBERS)
    assert "-999" in meaning(tmp_path, cells).other


def test_dates_that_may_begin_with_the_day_are_asked_about(tmp_path):
    days = [f"{1 + row % 9}/{1 + row % 7}/2024" for row in range(ROWS)]
    assert "day_first" in meaning(tmp_path, days).other
    assert "day_first" not in meaning(tmp_path, ["31/5/2024", *days[1:]]).other


def test_columns_of_the_same_name_are_left_out(tmp_path):
    (tmp_path / "s.csv").write_text("a,a,b\n" + "1,2,3.5\n" * 30)
    assert [*meanings(tmp_path / "s.csv")] == ["b"]
