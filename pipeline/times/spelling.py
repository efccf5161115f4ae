"""Dates in other spellings and languages, as pandas reads them."""

import re
import unicodedata
from datetime import date, time
from typing import Any

# Most dates: nothing of them is written in another way than the rest of this file reads.
_USUAL = re.compile(r"\d{4}-\d\d-\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d|[+-]?[\d.:]+$")
_QUARTER = re.compile(
    r"(?P<year>\d{4})[ ./-]?Q(?P<part>[1-4])|Q(?P<part2>[1-4])[ ./-]?(?P<year2>\d{4})", re.I
)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?([1-7]))?", re.I)
_MONTH_YEAR = re.compile(r"(\d{1,2})[./-](\d{4})")
_BLANKS = re.compile(r"(\d{1,2}) (\d{1,2}) (\d{4})(?!\d)(.*)")
_EAST_ASIAN = re.compile(r"(\d{4})[年년] ?(\d{1,2})[月월] ?(?:(\d{1,2})[日일])?(.*)")
_LOG = re.compile(r"(\d{1,2})/([A-Za-z]{3})/(\d{4}):(\d\d:\d\d:\d\d.*)")  # of web servers
_LETTERS = re.compile(r"[^\W\d_]+")
# Hours from UTC by the names of zones, as mail and American files have them (RFC 5322), and those of Europe.
ZONES = {
    name: hours
    for hours, names in {
        -10: "HST",
        -9: "AKST",
        -8: "PST AKDT",
        -7: "PDT MST",
        -6: "MDT CST",
        -5: "CDT EST",
        -4: "EDT",
        0: "WET",
        1: "WEST BST CET MEZ",
        2: "CEST MESZ EET",
        3: "EEST MSK",
        9: "JST KST",
    }.items()
    for name in names.split()
}
_ZONE = re.compile(rf"(?<=:\d\d)( ?[AaPp][Mm])? ?\b({'|'.join(ZONES)})$")
_SUFFIX = re.compile(r"(?<=\d) ?(Uhr|г\.?|года|р\.?|року|r\.|roku)$")  # hour, year
# Months in German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Turkish, Russian, Ukrainian,
# without accents; English ones are above.
MONTH_WORDS = {
    word: f"{english} "
    for english, words in {
        "Jan": "januar janner januari janvier janv enero ene gennaio gen janeiro "
        "stycznia styczen sty leden ledna ocak января январь янв січня січень",
        "Feb": "februar februari fevrier fevr fev febrero febbraio fevereiro "
        "lutego luty lut unor unora subat февраля февраль фев лютого лютии",
        "Mar": "marz maerz mrz mars marzo marco maart mrt "
        "marca marzec marts brezen brezna mart марта март мар березня березень",
        "Apr": "avril avr abril abr aprile "
        "kwietnia kwiecien kwi duben dubna nisan апреля апрель апр квітня квітень",
        "May": "mai mayo maggio mag maio mei maja maj kveten kvetna mayis mayıs мая маи травня травень",
        "Jun": "juni juin junio giugno giu junho "
        "czerwca czerwiec cze cerven cervna haziran июня июнь июн червня червень",
        "Jul": "juli juillet juil julio luglio lug julho "
        "lipca lipiec lip cervenec cervence temmuz июля июль июл липня липень",
        "Aug": "aout agosto ago augustus "
        "sierpnia sierpien sie srpen srpna agustos augusti августа август авг серпня серпень",
        "Sep": "septembre septiembre setiembre settembre set setembro "
        "wrzesnia wrzesien wrz zari eylul сентября сентябрь сен вересня вересень",
        "Oct": "oktober okt octobre octubre ottobre ott outubro out "
        "pazdziernika pazdziernik paz rijen rijna ekim октября октябрь окт жовтня жовтень",
        "Nov": "novembre noviembre novembro "
        "listopada listopad listopadu lis kasim ноября ноябрь ноя листопада листопад",
        "Dec": "dezember dez decembre diciembre dic dicembre dezembro "
        "grudnia grudzien gru prosinec prosince aralik desember декабря декабрь дек грудня грудень",
    }.items()
    for word in words.split()
}


def text_of(cell: Any) -> str:
    """A cell as text: dates and times as ISO writes them, bytes as UTF-8."""
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        text = cell.strip()
        text = _SUFFIX.sub("", text) if text[-1:] in "rгаруu." else text
        if text[-1:].isupper() and (zone := _ZONE.search(text)):
            text = f"{text[: zone.start()]}{zone[1] or ''} {ZONES[zone[2]]:+03}:00"
        return text if _USUAL.match(text) else _respelled(text)
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell).strip()


def _respelled(text: str) -> str:
    """A date as the rest of this file reads it: quarters, weeks, months in other languages, servers' logs."""
    if match := _QUARTER.fullmatch(text):
        part = int(match["part"] or match["part2"])
        return f"{match['year'] or match['year2']}-{3 * part - 2:02}-01"
    if match := _WEEK.fullmatch(text):
        year, week, day = match.groups(default="1")
        return (
            date.fromisocalendar(int(year), int(week), int(day)).isoformat() if 0 < int(week) < 53 else text
        )
    if match := _MONTH_YEAR.fullmatch(text):
        return f"{match[2]}-{int(match[1]):02}-01"
    if match := _EAST_ASIAN.fullmatch(text):
        return f"{match[1]}-{int(match[2]):02}-{int(match[3] or 1):02}{match[4]}"
    if match := _BLANKS.fullmatch(text):
        return f"{match[1]}.{match[2]}.{match[3]}{match[4]}"
    if match := _LOG.fullmatch(text):
        return f"{match[1]} {match[2]} {match[3]} {match[4]}"
    return _in_english(text)


def _in_english(text: str) -> str:
    """A date with the name of its month in English; other texts are unchanged."""
    found = [_folded(word) for word in _LETTERS.findall(text)]
    if not any(word in MONTH_WORDS for word in found):
        return text
    text = re.sub(r"^[^\W\d_]+\.?,?\s+(?=\d)|\bde\b", "", text)  # the weekday; 3 de mayo de 2024
    text = re.sub(r"(?<=\d)(\.|er|º|°)(?=\s)", "", text)
    text = _LETTERS.sub(lambda word: MONTH_WORDS.get(_folded(word[0]), word[0]), text)
    return re.sub(r"(?<=[a-z])\s*\.", "", text).strip()


def _folded(word: str) -> str:
    """A word without capitals and accents."""
    letters = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
