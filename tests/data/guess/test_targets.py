"""Which kind of target a column is, and which columns can be none."""

import numpy as np
import pytest

from pipeline.data.guess import Roots, candidates, likely, open_sources
from pipeline.errors import ConfigError
from tests.data.guess.guesses import NUMBERS, RANDOM, ROWS, config_of, plan_of, write


def drawn(*values, p=None):
    return RANDOM.choice(np.array(values, dtype=object), ROWS, p=p)


TARGETS = {
    "numbers": ("y", NUMBERS, {"kind": "number"}),
    "skewed numbers": ("price", np.exp(RANDOM.normal(0, 2, ROWS)), {"kind": "number", "scale": "log"}),
    "skewed counts": ("y", np.floor(np.exp(RANDOM.normal(2, 2, ROWS))), {"kind": "number", "scale": "log"}),
    "many whole numbers": ("y", RANDOM.integers(0, 300, ROWS), {"kind": "number"}),
    "a few amounts": ("n_rooms", RANDOM.integers(0, 5, ROWS), {"kind": "number"}),
    "a few marks": ("y", RANDOM.integers(3, 9, ROWS), {"kind": "number"}),
    "codes of classes": ("y", RANDOM.integers(0, 3, ROWS), {"kind": "category"}),
    "codes from 1": ("y", RANDOM.integers(1, 6, ROWS), {"kind": "category"}),
    "codes by their name": ("class", drawn(10, 20, 40), {"kind": "category"}),
    "codes as floats": ("y", RANDOM.integers(0, 3, ROWS).astype(float), {"kind": "category"}),
    "codes with zeros": ("y", drawn("007", "010", "100"), {"kind": "category"}),
    "0 and 1": ("y", RANDOM.integers(0, 2, ROWS), {"kind": "binary"}),
    "yes and no": ("y", drawn("yes", "NO"), {"kind": "binary"}),
    "words": ("y", drawn("red", "green", "blue"), {"kind": "category"}),
    "the rarer of two words": ("y", drawn("ham", "spam", p=[0.8, 0.2]), {"kind": "binary", "yes": "spam"}),
    "the word that does not deny": ("y", drawn("sick", "not sick", p=[0.8, 0.2]), {"yes": "sick"}),
    "benign or not": ("y", drawn("malignant", "benign", p=[0.8, 0.2]), {"yes": "malignant"}),
    "no in German": ("y", drawn("nein", "ja", p=[0.3, 0.7]), {"kind": "binary", "yes": "ja"}),
    "no in Portuguese": ("y", drawn("Não", "Sim", p=[0.3, 0.7]), {"kind": "binary", "yes": "Sim"}),
    "no in Russian": ("y", drawn("нет", "да", p=[0.3, 0.7]), {"kind": "binary", "yes": "да"}),
    "a word that begins like a no": (
        "y",
        drawn("neu", "alt", p=[0.3, 0.7]),
        {"kind": "binary", "yes": "neu"},
    ),
    "two numbers": ("y", drawn(1, 2), {"kind": "category"}),
    "tags": (
        "y",
        [",".join(np.array(["a", "b", "c"])[row]) for row in RANDOM.random((ROWS, 3)) > 0.5],
        {"kind": "labels"},
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_column_is_the_kind_of_target_that_it_looks_like(case, tmp_path):
    name, cells, expected = TARGETS[case]
    write(tmp_path, **{name: cells, "x": RANDOM.normal(size=ROWS)})
    (target,) = config_of(tmp_path, ["s.csv"], [name])["targets"].values()
    assert target["column"] == f"s.{name}"
    # An older YAML reads the key `yes` as true.
    found = {"yes" if option is True else option: value for option, value in target.items()}
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (RANDOM.dirichlet(np.ones(4), ROWS), "category"),
        (RANDOM.integers(0, 2, (ROWS, 4)), "labels"),
        (RANDOM.normal(size=(ROWS, 3)), "number"),
        (RANDOM.normal(size=(ROWS, 1)), "number"),
    ],
)
def test_arrays_are_distributions_labels_or_numbers(cells, kind, tmp_path):
    write(tmp_path, "s.npz", y=cells, x=NUMBERS)
    assert config_of(tmp_path, ["s.npz"], ["y"])["targets"]["y"]["kind"] == kind


def test_an_array_of_class_names_names_the_codes(tmp_path):
    codes = RANDOM.integers(0, 25, ROWS)
    codes[:25] = np.arange(25)
    names = np.array([f"name{code}" for code in range(25)])
    write(tmp_path, "s.npz", kind=codes, kind_names=names, x=RANDOM.normal(size=ROWS))
    config = config_of(tmp_path, ["s.npz"], ["kind"])
    assert config["targets"]["kind"] == {"kind": "category", "column": "s.kind", "names": "s.kind_names"}


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([f"w{row}" for row in range(ROWS)], "every row has another word"),
        (["a"] * ROWS, "every row has the same value"),
        ([None] * ROWS, "no cell has a value"),
        ([f"2021-03-{1 + row % 28:02}" for row in range(ROWS)], "dates"),
    ],
)
def test_what_cannot_be_predicted_is_refused_with_the_reason(cells, problem, tmp_path):
    write(tmp_path, y=cells, x=NUMBERS)
    with pytest.raises(ConfigError, match=problem) as caught:
        plan_of(tmp_path, ["s.csv"], ["y"])
    assert caught.value.key == "targets"


def test_unknown_targets_are_refused_with_near_ones(tmp_path):
    write(tmp_path, price=NUMBERS, x=NUMBERS**2)
    with pytest.raises(ConfigError, match="nearest: price"):
        plan_of(tmp_path, ["s.csv"], ["prize"])


def test_a_name_in_two_sources_needs_its_source(tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path, name, y=NUMBERS if name == "a.csv" else NUMBERS**2, **{f"x{name[0]}": abs(NUMBERS)})
    with pytest.raises(ConfigError, match="several sources have this column"):
        plan_of(tmp_path, ["a.csv", "b.csv"], ["y"])
    assert config_of(tmp_path, ["a.csv", "b.csv"], ["b.y"])["targets"]["y"]["column"] == "b.y"


def test_a_name_with_a_dot_is_found(tmp_path):
    write(tmp_path, **{"s.y": NUMBERS, "x": NUMBERS**2})
    assert config_of(tmp_path, ["s.csv"], ["s.y"])["targets"] == {
        "s_y": {"kind": "number", "column": "s.s.y"}
    }


def test_candidates_are_columns_that_can_be_predicted(tmp_path):
    ids = [f"w{row}" for row in range(ROWS)]
    write(tmp_path, id=ids, x=NUMBERS, status=drawn("a", "b", "c"), late=drawn("yes", "no"), empty=None)
    found = candidates(open_sources(["s.csv"], [tmp_path]), Roots([tmp_path]))
    assert {one.cells.name: one.kind for one in found} == {
        "x": "number",
        "status": "category",
        "late": "binary",
    }
    assert likely(found).cells.name == "status"
