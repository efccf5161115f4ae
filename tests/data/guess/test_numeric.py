"""What columns of numbers mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.guess.guesses import NUMBERS, ROWS, meaning

ORDER = np.arange(ROWS)
MIXED = np.random.default_rng(1).permutation(ROWS)


@pytest.mark.parametrize(
    ("cells", "name", "kind"),
    [
        (NUMBERS, "x", "number"),
        (ORDER % 2, "x", "flag"),
        (ORDER % 3, "x", "number"),
        (ORDER % 3, "type", "class"),
        (ORDER, "x", "identifier"),
        (ORDER[::-1] + 1, "x", "identifier"),
        (MIXED, "x", "number"),
        (MIXED, "flight_id", "identifier"),
        (ORDER + 1900, "year", "number"),
        (10**17 + MIXED * 7, "x", "identifier"),
        (10**17 + ORDER % 3 * 7, "x", "class"),
    ],
)
def test_numbers_mean_what_their_values_and_their_name_say(
    tmp_path: Path, cells: Any, name: str, kind: str
) -> None:
    assert meaning(tmp_path, cells, name).kind == kind


def test_a_number_far_from_all_others_may_be_a_missing_value(tmp_path: Path) -> None:
    cells = np.where(ORDER % 10 == 0, -999, NUMBERS)
    assert "-999" in meaning(tmp_path, cells).other
    alone = np.where(ORDER == 5, -999, NUMBERS)
    assert not meaning(tmp_path, alone).other
    among = np.where(ORDER % 10 == 0, -999, NUMBERS * 1000)
    assert not meaning(tmp_path, among).other


def test_few_whole_numbers_may_be_codes_and_are_listed_in_their_order(tmp_path: Path) -> None:
    found = meaning(tmp_path, (ORDER * 7 % 12).astype(int))
    assert "2, 3, 4, 5, 6, 7, 8, 9, 10, 11" in found.why
    assert "codes" in found.other
