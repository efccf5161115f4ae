"""Dates, times of day and durations: which form a column has, and the seconds of its cells."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.times import (
    DURATION,
    MOMENT,
    TIME_OF_DAY,
    TimeForm,
    are_times,
    find_form,
    has_short_year,
    in_iso,
    seconds,
)


def objects(*cells: Any) -> np.ndarray:
    result = np.empty(len(cells), dtype=object)
    result[:] = cells
    return result


def moments(cells: np.ndarray, **options: Any) -> list[str | None]:
    """The cells as ISO writes them in UTC; None where unreadable."""
    form = find_form(cells, **options)
    assert form.kind == MOMENT
    return list(in_iso(seconds(cells, form), form))


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["2024-05-03", "2024-05-31"], "2024-05-03T00:00:00"),
        (["2024-05-03T14:05", "2024-05-31 14:05:06"], "2024-05-03T14:05:00"),
        (["2024-05-03T14:05:00Z", "2024-05-03T14:05:00+02:00"], "2024-05-03T14:05:00"),
        (["2024-05-03T14:05:00+02:00", "2024-05-03"], "2024-05-03T12:05:00"),
        (["2024-05-03 14:05:06.25", "2024-05-03"], "2024-05-03T14:05:06.250000"),
        (["9/3/1990 0:00:00", "9/30/1990 0:00:00"], "1990-09-03T00:00:00"),
        (["9/3/1990", "9/30/1990 5:03 PM"], "1990-09-03T00:00:00"),
        (["3/9/1990 5:03 PM", "30/9/1990"], "1990-09-03T17:03:00"),
        (["03.09.1990", "30.09.1990 13:05"], "1990-09-03T00:00:00"),
        (["3.9.90", "1.2.03"], "1990-09-03T00:00:00"),
        (["3-9-1990", "30-9-1990"], "1990-09-03T00:00:00"),
        (["1990/09/03", "1990/9/30 3:04"], "1990-09-03T00:00:00"),
        (["19900903", "20240131"], "1990-09-03T00:00:00"),
        (["Sep 3, 1990", "September 30, 1990 5:30 pm"], "1990-09-03T00:00:00"),
        (["3 Sep 1990", "30 September 1990"], "1990-09-03T00:00:00"),
        (["03-Sep-90", "30-Sep-90"], "1990-09-03T00:00:00"),
        (["Monday, September 3rd, 1990", "Sun, 30 Sep 1990 12:00:00 GMT"], "1990-09-03T00:00:00"),
        (["1990-09", "1991-10"], "1990-09-01T00:00:00"),
        (["Sep 1990", "Oct 1991"], "1990-09-01T00:00:00"),
        (["9999-12-31", "2024-05-03"], "9999-12-31T00:00:00"),
        (["652320000", "1700000000"], "1990-09-03T00:00:00"),
        (["19900903140500", "20240531235959"], "1990-09-03T14:05:00"),
        (["199009031405", "202405312359"], "1990-09-03T14:05:00"),
        (["1990Q3", "2024-Q2"], "1990-07-01T00:00:00"),
        (["Q3 1990", "Q2/2024"], "1990-07-01T00:00:00"),
        (["1990-W36", "2024W22"], "1990-09-03T00:00:00"),
        (["1990-W36-2", "2024-W22"], "1990-09-04T00:00:00"),
        (["09/1990", "12-2024"], "1990-09-01T00:00:00"),
        (["3 9 1990", "30 9 1990 13:05"], "1990-09-03T00:00:00"),
        (["1990年9月3日", "2024年5月31日 13:05"], "1990-09-03T00:00:00"),
        (["03/Sep/1990:14:05:06 +0000", "31/May/2024:00:00:00 +0200"], "1990-09-03T14:05:06"),
        (["3. September 1990", "31. März 2024"], "1990-09-03T00:00:00"),
        (["Montag, 3. Dez. 1990", "31. Mai 2024"], "1990-12-03T00:00:00"),
        (["3 août 1990", "1er février 2024"], "1990-08-03T00:00:00"),
        (["3 de septiembre de 1990", "31 de mayo de 2024"], "1990-09-03T00:00:00"),
        (["3 set 1990", "31 maggio 2024"], "1990-09-03T00:00:00"),
        (["3 сентября 1990", "31 мая 2024 г."], "1990-09-03T00:00:00"),
        (["3 вересня 1990 р.", "31 травня 2024 р."], "1990-09-03T00:00:00"),
        (["3 września 1990", "31 maja 2024 r."], "1990-09-03T00:00:00"),
        (["3. září 1990", "27. listopadu 2024"], "1990-09-03T00:00:00"),
        (["3 Eylül 1990", "31 Mayıs 2024"], "1990-09-03T00:00:00"),
        (["3 september 1990", "31 maj 2024"], "1990-09-03T00:00:00"),
        (["03.09.1990 14:05 Uhr", "31.05.2024 3:05 Uhr"], "1990-09-03T14:05:00"),
        (["1990-09-03 14:05 EST", "1990-09-03 14:05:06 CEST"], "1990-09-03T19:05:00"),
        (["Sep 3, 1990 2:05 PM EDT", "Sep 30, 1990 5:30 AM PST"], "1990-09-03T18:05:00"),
        (["1990-09-03 24:00", "2024-12-31T24:00:00Z"], "1990-09-04T00:00:00"),
        (["03.09.1990 24:00", "31.12.2024 24:00:00"], "1990-09-04T00:00:00"),
        (["1990.5", "2024.25"], "1990-07-02T12:00:00"),
    ],
)
def test_dates_of_every_common_form_are_read(cells: list[str], first: str) -> None:
    found = moments(objects(*cells, None, " "))
    assert found[0] == first
    assert found[1] is not None
    assert found[2:] == [None, None]


@pytest.mark.parametrize("text", ["Oct 45", "Oct 25", "5 May", "May", "Oct 45 12:30", "45 Oct", "Sept. 90"])
def test_a_month_with_one_short_number_is_no_date(text: str) -> None:
    # It may be a day or a year.
    assert moments(objects("Oct 5, 1990", text)) == ["1990-10-05T00:00:00", None]


@pytest.mark.parametrize(
    ("numbers", "first"),
    [
        ([652320000, 1700000000], "1990-09-03T00:00:00"),
        ([-86400.0, 1e9, np.nan], "1969-12-31T00:00:00"),
        ([652320000_500.0, 1700000000_000], "1990-09-03T00:00:00.500000"),
        ([652320000 * 10**9, 1700000000 * 10**9], "1990-09-03T00:00:00"),
        ([19900903, 20241231], "1990-09-03T00:00:00"),
        ([199009, 202412], "1990-09-01T00:00:00"),
        ([1990, 2024], "1990-01-01T00:00:00"),
        ([2448137.5, 2460000.25], "1990-09-03T00:00:00"),
        ([33119.5, 45123.0], "1990-09-03T12:00:00"),
    ],
)
def test_numbers_are_dates_by_their_size(numbers: list[float], first: str) -> None:
    assert moments(np.array(numbers))[0] == first


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(pd.to_datetime(["1990-09-03 14:05", None])).to_numpy(),
        np.array(["1990-09-03T14:05", "NaT"], dtype="datetime64[s]"),
        objects(dt.datetime(1990, 9, 3, 14, 5), None),
        objects(pd.Timestamp("1990-09-03 16:05", tz="Europe/Berlin"), pd.NaT),
        objects(b"1990-09-03 14:05", None),
    ],
)
def test_dates_may_be_no_text(cells: np.ndarray) -> None:
    assert moments(cells) == ["1990-09-03T14:05:00", None]


def test_which_number_is_the_day_is_decided_from_the_whole_column() -> None:
    assert find_form(objects("3/4/2024", "13/4/2024")).day_first is True
    assert find_form(objects("3/4/2024", "3/14/2024")).day_first is False
    assert find_form(objects("3.4.2024", "5.6.2024")) == TimeForm(day_first=True)
    assert find_form(objects("3.4.2024", "3.14.2024")).day_first is False
    assert find_form(objects("3/4/2024", "5/6/2024")) == TimeForm(day_first=False, ambiguous=True)
    assert find_form(objects("3/4/2024"), day_first=True) == TimeForm(day_first=True)
    assert moments(objects("3/4/2024"), day_first=True) == ["2024-04-03T00:00:00"]
    assert moments(objects("13/4/2024", "4/14/2024")) == ["2024-04-13T00:00:00", None]
    # A form without such dates reads dots with the day first, and slashes with the month first.
    read = seconds(objects("3.4.2024", "4/3/2024", "13/4/2024"), find_form(objects("2024-01-01")))
    np.testing.assert_array_equal(read, [1712102400, 1712102400, np.nan])


@pytest.mark.parametrize(
    "cell",
    [
        "10",
        "May",
        "3/4",
        "soon",
        "today",
        "now",
        "1990-09-03 EST",
        "1.5 apples",
        "2024-13-01",
        "2024-02-30",
        "30.2.2024",
        "25:00",
        "1.5",
    ],
)
def test_what_is_no_date_is_unreadable(cell: str) -> None:
    assert np.isnan(seconds(objects(cell, "2024-05-03"), TimeForm())).tolist() == [True, False]


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["14:05", "3:07:08"], 50700),
        (["2:05 pm", "12:05 a.m."], 50700),
        (["14:05:00.5", "0:00"], 50700.5),
        ([dt.time(14, 5), None], 50700),
    ],
)
def test_times_of_day(cells: list[Any], first: float) -> None:
    form = find_form(objects(*cells))
    assert form.kind == TIME_OF_DAY
    assert seconds(objects(*cells), form)[0] == first
    assert np.isnan(seconds(objects("25:00", "14:61"), form)).all()


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["1:30:00", "26:00:00"], 5400),
        (["1:30", "100:10"], 5400),
        (["2 days", "1 day, 2:03:04"], 172800),
        (["1 days 02:00:00", "3h"], 93600),
        (["1h30m", "90 min"], 5400),
        (["P1DT2H", "PT5S"], 93600),
        (["2 weeks", "1.5 hours"], 1209600),
        ([dt.timedelta(hours=3), np.timedelta64(5, "s")], 10800),
        ([pd.Timedelta("3h"), None], 10800),
    ],
)
def test_durations(cells: list[Any], first: float) -> None:
    form = find_form(objects(*cells))
    assert form.kind == DURATION
    assert seconds(objects(*cells), form)[0] == first
    assert not np.isnan(seconds(objects(*cells), form)[1]) or cells[1] is None


def test_decimals_of_years_mean_the_same_in_every_column() -> None:
    for form in (find_form(np.array([2000, 2001])), find_form(np.array([2000.5, 2001]))):
        found = seconds(objects("2024.5", "2024"), form)
        np.testing.assert_array_equal(found, [1719878400, 1704067200])


def test_durations_may_be_no_text() -> None:
    cells = pd.Series(pd.to_timedelta(["3h", None])).to_numpy()
    assert find_form(cells) == TimeForm(DURATION)
    np.testing.assert_array_equal(seconds(cells, TimeForm(DURATION)), [10800, np.nan])
    assert np.isnan(seconds(cells, TimeForm())).all()


@pytest.mark.parametrize("form", [TimeForm(), TimeForm(TIME_OF_DAY), TimeForm(DURATION)])
def test_what_is_shown_is_read_again(form: TimeForm) -> None:
    values = np.array([50700.0, 3.25, np.nan])
    np.testing.assert_array_equal(seconds(in_iso(values, form), form), values)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2024-05-03", "2024-05-04"], True),
        (["3.5.2024", "May 4, 2024"], True),
        (["14:05", "3:00"], True),
        (["2024-05-03", "soon"], False),
        (["low", "high"], False),
        (["1990", "1991"], False),
        ([dt.date(2024, 5, 3)], False),
        ([], False),
    ],
)
def test_words_are_told_from_times(words: list[Any], expected: bool) -> None:
    assert are_times(objects(*words)) is expected


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("5/31/24", True),
        ("31.5.24 14:05", True),
        ("31-May-24", True),
        ("5/31/2024", False),
        ("May 31", False),
    ],
)
def test_years_of_two_digits_are_told(text: str, short: bool) -> None:
    assert has_short_year(text) is short
