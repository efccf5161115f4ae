"""`split: {rows: named}` gives the rows that version 0.1 gave."""

from typing import Any

import pytest

from pipeline import data
from tests.data.split_frames import FRACTIONS, loaded
from tests.shipped import shipped

# The beginnings of the fingerprints that version 0.1.0 logged.
PENGUINS = {
    "dfa5a8bfb5445a89": {},
    "194a5e7bb84d0462": {"stratify": "species"},
    "8be604628db42bdf": {"stratify": "body_mass"},
    "a0965a0a5eb77e42": {"stratify": "penguins.sex"},
}
GROUPS = {
    "b4b951b46fea85b0": {"group": "s.person"},
    "1d42fec0821657b6": {"group": "s.person", "stratify": "kind"},
}


@pytest.mark.parametrize(("fingerprint", "more"), PENGUINS.items(), ids=PENGUINS)
def test_the_split_of_version_0_1(fingerprint: str, more: dict[str, Any]) -> None:
    split = {"fractions": [0.7, 0.15, 0.15], "seed": 0, "rows": "named", **more}
    assert data.load(**{**shipped("penguins"), "split": split}).fingerprint.startswith(fingerprint)


@pytest.mark.parametrize(("fingerprint", "more"), GROUPS.items(), ids=GROUPS)
def test_the_split_of_version_0_1_with_groups(fingerprint: str, more: dict[str, Any]) -> None:
    assert loaded(FRACTIONS | {"rows": "named"} | more).fingerprint.startswith(fingerprint)
