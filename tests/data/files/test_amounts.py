"""Numbers with units, signs of currencies, brackets and typeset minus signs."""

import numpy as np
import pytest

from pipeline.data.columns import Column, RowError, numbers
from pipeline.data.files.amounts import split_unit
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.sources import Sources

COMMA = NumberFormat(",", ". ")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("$5", 5, "$"),
        ("$1,200.50", 1200.5, "$"),
        ("-$5", -5, "$"),
        ("$-5", -5, "$"),
        ("($1,200.50)", -1200.5, "$"),
        ("(5)", -5, ""),
        ("5-", -5, ""),
        ("\u22125.5", -5.5, ""),
        ("\u20135", -5, ""),
        ("USD 5", 5, "USD"),
        ("7 EUR", 7, "EUR"),
        ("12%", 12, "%"),
        ("3.5 %", 3.5, "%"),
        ("7 kg", 7, "kg"),
        ("23.4 kmpl", 23.4, "kmpl"),
        ("80 mg/dL", 80, "mg/dL"),
        ("36.6°C", 36.6, "°C"),
        ("12,34,567", 1234567, ""),
        ("５", 5, ""),
        ("١٢٣٫٥", 123.5, ""),
        ("۱۲ kg", 12, "kg"),
        ("1 days 02:00:00", 93600, "s"),
        ("PT1H30M", 5400, "s"),
    ],
)
def test_amounts_are_numbers_and_units(text: str, value: float, unit: str) -> None:
    assert split_unit(text, NumberFormat()) == (value, unit)


def test_amounts_have_the_signs_of_their_file() -> None:
    assert split_unit("1.200,50 €", COMMA) == (1200.5, "€")


@pytest.mark.parametrize(
    "text",
    ["1/2", "1-2", "<5", "5-10", "x1", "v1.2", "1+2j", "$5 USD", "(5", "--5", "(-5)", "1:30", "5 5", ""],
)
def test_other_texts_are_no_amounts(text: str) -> None:
    assert np.isnan(split_unit(text, NumberFormat())[0])


def column(*cells: object) -> tuple[Column, list[str]]:
    said: list[str] = []
    values = np.array(cells, dtype=object)
    return Column(
        "s.a", "key", values, lambda row: f"row {row}", say=said.append, missing_key="data.sources.s.missing"
    ), said


def test_a_column_may_have_one_unit_which_is_said() -> None:
    amounts, said = column("$5", None, "($1,000)", "NA")
    np.testing.assert_array_equal(numbers(amounts), [5, np.nan, -1000, np.nan])
    assert said == ["numbers are read without their unit: $5 is 5"]
    durations, said = column("0 days 00:00:05", "1 days 00:00:00")
    np.testing.assert_array_equal(numbers(durations), [5, 86400])
    assert said == ["durations are read in seconds: 0 days 00:00:05 is 5"]
    signs, said = column("(5)", "7", "\u22128")
    np.testing.assert_array_equal(numbers(signs), [-5, 7, -8])
    assert said == []


@pytest.mark.parametrize(
    ("cells", "problem", "more"),
    [
        (["5 kg", "7 lb"], "different units.*row 0", "kg, lb"),
        (["0.5", "7 %"], "different units.*row 1", "%, none"),
        (["$5", "five"], "text instead of a number.*row 1", r"s.missing: \['', 'five'\]"),
        (["5", "2024-05-31"], "text instead of a number.*row 1", "`dates: "),
        (["5", "14:05"], "text instead of a number.*row 1", "`dates: "),
        ([1, {"a": 1}], "named fields instead of a number", "numbers"),
        ([1, np.ones(2)], "a list instead of a number", "numbers"),
    ],
)
def test_other_cells_are_refused_with_a_way_out(cells: list[object], problem: str, more: str) -> None:
    with pytest.raises(RowError, match=f"(?s){problem}.*{more}"):
        numbers(column(*cells)[0])


def test_what_is_done_to_a_column_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    sources = Sources({"s": {"a": np.array(["$5", "$7", "None"], dtype=object)}})
    for rows in ([0, 2], [1, 2]):
        numbers(sources.part("s.a", "key", np.array(rows)))
        numbers(sources.column("s.a", "key").take(np.array(rows)))
    assert caplog.messages == [
        "s.a: 1 cells are None, taken as missing in a column of numbers",
        "s.a: numbers are read without their unit: $5 is 5",
    ]
