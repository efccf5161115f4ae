"""The inputs that columns become."""

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ConfigError
from tests.data.guess.guesses import NUMBERS, RANDOM, ROWS, SIGNS, config_of, plan_of, write


def inputs_of(tmp_path, suffix=".csv", **columns):
    write(tmp_path, f"s{suffix}", sign=SIGNS, **columns)
    return config_of(tmp_path, [f"s{suffix}"], ["sign"])["inputs"]


def test_numbers_and_classes_become_a_table(tmp_path):
    colours, yes = RANDOM.choice(["red", "blue"], ROWS), RANDOM.choice(["yes", "no"], ROWS)
    found = inputs_of(tmp_path, a=RANDOM.normal(size=ROWS), colour=colours, late=yes)
    assert found == {"table": {"kind": "table", "numeric": ["s.a"], "categorical": ["s.colour", "s.late"]}}


def test_dates_and_times_of_day_belong_to_the_table(tmp_path):
    days = [f"{1 + row % 28}.{1 + row % 12}.2024" for row in RANDOM.permutation(ROWS)]
    clocks = [f"{row % 24}:15" for row in range(ROWS)]
    found = inputs_of(tmp_path, day=days, clock=clocks)
    assert found == {"table": {"kind": "table", "dates": ["s.day", "s.clock"]}}


@pytest.mark.parametrize("name", ["x_{}", "x{}", "pixel_0_{}", "V{}", "wave {}"])
def test_numbered_columns_become_one_vector(name, tmp_path):
    columns = {name.format(place): RANDOM.normal(size=ROWS) for place in range(12)}
    found = inputs_of(tmp_path, **columns, age=RANDOM.normal(size=ROWS))
    assert [entry["kind"] for entry in found.values()] == ["vector", "table"]
    assert found.popitem()[1]["numeric"] == ["s.age"]
    assert found.popitem()[1]["column"] == f"s.{name.split('0')[0].partition('{')[0]}*"


def test_numbered_columns_are_listed_if_a_pattern_would_name_others_too(tmp_path):
    columns = {f"x_{place}": RANDOM.normal(size=ROWS) for place in range(12)}
    found = inputs_of(tmp_path, **columns, x_word=RANDOM.choice(["a", "b", "c"], ROWS))
    assert found["x"]["column"] == [f"s.{column}" for column in columns]


def test_numbered_columns_that_resemble_their_neighbours_are_the_steps_of_a_series(tmp_path):
    steps = np.cumsum(RANDOM.normal(size=(ROWS, 12)), axis=1)
    columns = {f"x_{place}": steps[:, place] for place in RANDOM.permutation(12)}
    expected = {"kind": "series", "columns": "s.x_*"}
    assert inputs_of(tmp_path, **columns) == {"x": expected}


def test_numbers_in_names_that_do_not_count_are_no_reason_for_a_vector(tmp_path):
    genes = [f"ZNF{number}" for number in (43, 45, 135, 274, 304, 529, 552, 711, 768)]
    found = inputs_of(tmp_path, **{name: RANDOM.normal(size=ROWS) for name in genes})
    assert [entry["kind"] for entry in found.values()] == ["table"]
    waves = [f"w{length}" for length in range(850, 1050, 10) if length not in (900, 970)]
    found = inputs_of(tmp_path, **{name: RANDOM.normal(size=ROWS) for name in waves})
    assert [entry["kind"] for entry in found.values()] == ["vector"]


def test_many_columns_of_numbers_become_a_vector(tmp_path):
    letters = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopq"]
    found = inputs_of(tmp_path, **{name: RANDOM.normal(size=ROWS) for name in letters})
    assert [(entry["kind"], len(entry["column"])) for entry in found.values()] == [("vector", 70)]


def test_arrays_become_inputs_of_their_own(tmp_path):
    lengths = 1 + np.arange(ROWS) % 9
    steps = np.where(np.arange(9)[:, None] < lengths[:, None, None], 1 + RANDOM.random((ROWS, 9, 2)), 0)
    image = RANDOM.integers(0, 255, (ROWS, 8, 8, 3), dtype=np.uint8)
    found = inputs_of(tmp_path, ".npz", photo=image, wave=steps, wave_length=lengths, x=NUMBERS[:, None])
    assert found == {
        "photo": {"kind": "image", "column": "s.photo"},
        "wave": {"kind": "series", "column": "s.wave", "length": "s.wave_length"},
        "x": {"kind": "vector", "column": "s.x"},
    }


def test_an_array_that_another_one_repeats_is_left_out(tmp_path):
    images = RANDOM.integers(0, 17, (ROWS, 8, 8)).astype(float)
    write(tmp_path, "s.npz", data=images.reshape(ROWS, 64), images=images, sign=SIGNS)
    plan = plan_of(tmp_path, ["s.npz"], ["sign"])
    assert [one.name for one in plan.inputs] == ["images"]
    assert plan.left_out == {"s.data": "the same numbers as s.images"}


def test_a_length_that_does_not_end_the_series_is_a_number(tmp_path):
    steps, lengths = RANDOM.normal(size=(ROWS, 9, 2)), RANDOM.integers(1, 9, ROWS)
    found = inputs_of(tmp_path, ".npz", wave=steps, length=lengths)
    assert "length" not in found["wave"]


@pytest.mark.parametrize(("folder", "root"), [("photos", "photos"), ("data/jpg", "data/jpg"), ("", None)])
def test_pictures_are_found_below_the_folder_of_the_file(folder, root, tmp_path):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for row in range(ROWS):
        Image.fromarray(np.full((20, 10, 3), row, np.uint8)).save(tmp_path / folder / f"{row}.png")
    found = inputs_of(tmp_path, photo=[f"{row}.png" for row in range(ROWS)])
    expected = {"kind": "image", "column": "s.photo", "size": [20, 10]}
    assert found["photo"] == (expected if root is None else expected | {"root": root})


def test_large_pictures_of_several_sizes_get_one_small_size(tmp_path):
    for row in range(ROWS):
        Image.new("RGB", (400, 180 + row % 3 * 20)).save(tmp_path / f"{row}.jpg")
    assert inputs_of(tmp_path, photo=[f"{row}.jpg" for row in range(ROWS)])["photo"]["size"] == [48, 96]


def test_pictures_that_are_not_there_are_left_out(tmp_path):
    write(tmp_path, sign=SIGNS, x=RANDOM.normal(size=ROWS), photo=[f"{row}.png" for row in range(ROWS)])
    assert "are not below" in plan_of(tmp_path, ["s.csv"], ["sign"]).left_out["s.photo"]


def test_what_no_input_takes_is_left_out_with_the_reason(tmp_path):
    ids, money = np.arange(ROWS), [f"${value:.2f}" for value in abs(NUMBERS)]
    units = [f"{value:.2f} {'kg' if value > 1 else 'lb'}" for value in abs(NUMBERS)]
    write(tmp_path, sign=SIGNS, id=ids, money=money, x=NUMBERS)
    assert [*plan_of(tmp_path, ["s.csv"], ["sign"]).left_out] == ["s.id"]
    write(tmp_path, sign=SIGNS, id=ids, money=units, same=1, x=RANDOM.normal(size=ROWS))
    left_out = plan_of(tmp_path, ["s.csv"], ["sign"]).left_out
    assert {*left_out} == {"s.id", "s.money", "s.same"}
    write(tmp_path, sign=SIGNS, id=ids)
    with pytest.raises(ConfigError, match="no column is left as an input"):
        plan_of(tmp_path, ["s.csv"], ["sign"])
