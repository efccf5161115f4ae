"""What a column's name says, and names that a config can use."""

import pytest
import yaml

from pipeline.data.guess.names import (
    THINGS,
    names_group,
    names_identifier,
    names_thing,
    says,
    valid_name,
    words_of,
)


@pytest.mark.parametrize(
    "name", ["patientId", "patient_id", "PatientID", "patient id", "patient.id", "patient2id"]
)
def test_words_are_found_however_they_are_joined(name: str) -> None:
    assert words_of(name) == ["patient", "id"]


def test_a_word_counts_only_as_a_whole() -> None:
    assert says("delivery_date", {"date"})
    assert not says("update", {"date"})


@pytest.mark.parametrize("name", ["id", "flight_id", "flightID", "Unnamed: 0", "uuid", "row"])
def test_names_of_identifiers(name: str) -> None:
    assert names_identifier(name)


@pytest.mark.parametrize("name", ["idle", "width", "paid", "", "2020"])
def test_names_that_only_look_like_those_of_identifiers(name: str) -> None:
    assert not names_identifier(name)


def test_a_thing_has_rows_of_its_own_and_its_attributes_do_not() -> None:
    assert names_thing("patient")
    assert names_thing("userId")
    assert not names_thing("patient_age")


def test_rows_share_things_and_identifiers_but_not_row_numbers() -> None:
    assert all(map(names_group, [*THINGS, "flight_id"]))
    assert not any(map(names_group, ["row", "index", "age"]))


@pytest.mark.parametrize("text", ["größe (cm)", "yes", "null", "1st", "体重", "", "a.b", "NaN", "  x  "])
def test_a_valid_name_is_a_text_for_yaml_without_signs_of_the_config(text: str) -> None:
    name = valid_name(text)
    assert yaml.safe_load(name) == name
    assert name.isascii()
    assert name.isidentifier()
    assert valid_name(name) == name


def test_a_name_that_is_taken_gets_the_first_free_number() -> None:
    assert valid_name("a", {"a"}) == "a_2"
    assert valid_name("a", {"a", "a_2"}) == "a_3"
