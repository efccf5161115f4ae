"""What the name of a column says about it, and names that a config can use."""

import re
import unicodedata
from collections.abc import Collection

IDENTIFIERS = {
    *("id", "ids", "uuid", "guid", "uid", "key", "index", "idx", "nr", "no", "rowid", "rownames", "row"),
    *("serial", "isbn", "ean", "iban", "sku", "hash"),
}
ROWS = {"index", "idx", "no", "row", "rowid", "rownames"}  # identifiers of rows, not of things
# Rows about the same one of these belong together.
THINGS = {
    *("patient", "subject", "user", "customer", "client", "person", "participant", "student", "pupil"),
    *("member", "employee", "worker", "driver", "player", "respondent", "household", "family", "couple"),
    *("session", "animal", "mouse", "rat", "monkey", "dog", "cow", "plant", "specimen", "donor"),
    *("speaker", "author", "writer", "group", "groups", "pat", "proband", "patid", "recording", "site"),
    *("machine", "device", "engine", "unit", "battery", "vehicle"),
}
CODES = {
    *("code", "zip", "zipcode", "postal", "postcode", "plz", "type", "class", "cat", "category", "label"),
    *("cluster", "fips", "icd", "naics", "sector", "region", "district", "store", "shop", "kind"),
}
AMOUNTS = {
    *(
        "n",
        "num",
        "number",
        "count",
        "counts",
        "cnt",
        "amount",
        "total",
        "sum",
        "age",
        "year",
        "years",
        "hour",
    ),
    *(
        "hours",
        "day",
        "days",
        "month",
        "months",
        "week",
        "weeks",
        "minutes",
        "size",
        "length",
        "price",
        "cost",
    ),
    *("rings", "score", "rating", "quality", "points", "visits", "rooms", "children"),
}
TIMES = {
    *("date", "time", "datetime", "timestamp", "day", "month", "year", "week", "quarter", "hour", "t"),
    *("datum", "zeit", "jahr", "fecha", "ts"),
}
LENGTHS = {"len", "length", "lengths", "steps", "seqlen", "size", "duration"}
SPLIT_NAMES = {"split", "set", "subset", "partition", "fold", "part", "usage", "dataset"}
RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "none", "nan", "inf"}


def words_of(name: str) -> list[str]:
    """The words of a column's name: `patientId` and `patient_id` both give patient, id."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[^\W\d_]+", parted.lower())


def says(name: str, words: Collection[str]) -> bool:
    """Whether a column's name has one of the words."""
    return not {*words_of(name)}.isdisjoint(words)


def names_identifier(name: str) -> bool:
    """Whether a name ends like that of an identifier: `flight_id`, `Unnamed: 0`."""
    words = words_of(name)
    if not words:
        return False
    return words[-1] in IDENTIFIERS or words[0] in ("unnamed", "id", "uuid") or name.lower().endswith("_id")


def names_thing(name: str) -> bool:
    """Whether a name is that of something with rows of its own: `patient`, `userId`; not `patient_age`."""
    words = words_of(name)
    if len(words) > 1 and words[-1] in IDENTIFIERS | {"code", "name", "number", "num"}:
        words = words[:-1]
    return bool(words) and words[-1] in THINGS


def names_group(name: str) -> bool:
    """Whether a name is that of something, or of an identifier that rows may share."""
    return names_thing(name) or (names_identifier(name) and words_of(name)[-1:][0] not in ROWS)


def valid_name(text: str, taken: Collection[str] = ()) -> str:
    """A name of ASCII letters, digits and underscores that YAML reads as text, and that is not taken.

    Example:
        >>> valid_name("größe (cm)")
        'grosse_cm'
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "SS"))
    ascii_text = plain.encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", ascii_text).strip("_") or "column"
    if name[0].isdigit() or name.lower() in RESERVED:
        name = f"x_{name}"
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
