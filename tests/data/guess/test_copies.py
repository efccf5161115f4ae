"""Columns that give a target away are left out, with the reason; others are not."""

import numpy as np
import pytest

from tests.data.guess.guesses import RANDOM, ROWS, plan_of, write

PRICE = np.exp(RANDOM.normal(5, 1, ROWS)).round(2)
KIND = RANDOM.choice(["red", "green", "blue"], ROWS)
X = RANDOM.normal(size=ROWS)

COPIES = {
    "in another unit": ("price", PRICE * 1.1957 + 3, "a copy of target price"),
    "rounded": ("price", PRICE.round(), "nearly a copy (in the same order) of target price"),
    "its logarithm": ("price", np.log(PRICE).round(4), "nearly a copy (in the same order) of target price"),
    "codes of its words": ("kind", np.char.str_len(KIND), "a one-to-one copy of target kind"),
    "other words": ("kind", np.char.upper(KIND), "copy of target kind"),
    "with a slip": ("kind", np.where(np.arange(ROWS) == 5, "RED", np.char.upper(KIND)), "nearly a copy"),
    "a finer label": (
        "kind",
        np.char.add(KIND, RANDOM.choice(["dark", "light"], ROWS)),
        "each of its 6 values goes with one class: a finer label of target kind",
    ),
}


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_of_a_target_is_left_out(case, tmp_path):
    target, cells, reason = COPIES[case]
    write(tmp_path, price=PRICE, kind=KIND, x=X, copy=cells)
    assert reason in plan_of(tmp_path, ["s.csv"], [target]).left_out["s.copy"]


@pytest.mark.parametrize(
    "cells",
    [
        PRICE * np.exp(RANDOM.normal(0, 0.2, ROWS)),  # a good hint
        (np.median(PRICE) < PRICE).astype(int),
        np.where(RANDOM.random(ROWS) > 0.3, KIND, "none"),
        RANDOM.choice(["a", "b", "c"], ROWS),
    ],
)
def test_a_hint_is_no_copy(cells, tmp_path):
    write(tmp_path, price=PRICE, kind=KIND, x=X, hint=cells)
    assert "s.hint" not in plan_of(tmp_path, ["s.csv"], ["price", "kind"]).left_out


def test_years_in_the_order_of_a_growing_target_are_no_copy(tmp_path):
    write(tmp_path, year=1900 + np.arange(ROWS), people=np.exp(np.arange(ROWS) / 50), x=X)
    assert "s.year" not in plan_of(tmp_path, ["s.csv"], ["people"]).left_out


def test_other_targets_are_no_inputs(tmp_path):
    write(tmp_path, price=PRICE, kind=KIND, x=X)
    (table,) = plan_of(tmp_path, ["s.csv"], ["price", "kind"]).inputs
    assert [reference for reference, _ in table.columns["numeric"]] == ["s.x"]
