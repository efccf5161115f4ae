import math

import pytest

from pipeline.errors import ConfigError
from pipeline.rules import (
    COUNT,
    FLAG,
    NAMED,
    NOT_NEGATIVE,
    NUMBER,
    PART,
    POSITIVE,
    POSITIVE_COUNT,
    TEXT,
    TEXTS,
    check_node,
    list_of,
    one_of,
    or_auto,
    or_null,
    written,
)


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (COUNT, [0, 3], [-1, 1.5, True, "3", None]),
        (POSITIVE_COUNT, [1], [0, 1.0]),
        (NUMBER, [-1, 0.5], [math.inf, math.nan, False, "1"]),
        (POSITIVE, [1e-9], [0, math.inf]),
        (NOT_NEGATIVE, [0, 0.0, 2], [-1e-9, math.nan]),
        (FLAG, [True, False], [0, 1, "true"]),
        (TEXTS, ["a", ["a", "b"]], [[], ["a", 1], 1]),
        (NAMED, [{"a": 1}], [{}, ["a"]]),
        (PART, [{"_target_": "a"}], [{}, "a"]),
        (one_of("auto", True), ["auto", True], [1, "true", False]),
        (or_null(TEXT), [None, "a"], [1]),
        (or_auto(COUNT), ["auto", 0], ["automatic", None]),
        (list_of(COUNT), [[], [1, 2]], [1, [1, -1], (1,)]),
    ],
)
def test_a_rule_accepts_right_values_only(rule, right, wrong):
    assert all(rule.test(value) for value in right)
    assert not any(rule.test(value) for value in wrong)


def test_the_message_of_a_rule_has_the_key_the_value_and_what_is_allowed():
    with pytest.raises(ConfigError) as caught:
        or_null(COUNT).check("trainer.epochs", True)
    assert str(caught.value).startswith("trainer.epochs: ")
    assert "found:   true" in str(caught.value)
    assert "allowed: a whole number of at least 0, or null" in str(caught.value)


def test_values_are_written_as_in_yaml():
    assert [written(value) for value in (True, False, None, 1.5, "a")] == [
        "true",
        "false",
        "null",
        "1.5",
        "'a'",
    ]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ([], "trainer: "),
        ({"epochs": 1, "epoch": 1}, "trainer.epoch: there is no such key"),
        ({"seed": 1}, "trainer.epochs: this key is missing"),
        ({"epochs": 0}, "trainer.epochs: "),
        ({"epochs": 1, "seed": -1}, "trainer.seed: "),
    ],
)
def test_a_node_with_a_wrong_key_or_value_is_refused(node, message):
    with pytest.raises(ConfigError) as caught:
        check_node("trainer", node, {"epochs": POSITIVE_COUNT}, optional={"seed": COUNT})
    assert str(caught.value).startswith(message)


def test_a_node_may_leave_out_optional_keys():
    check_node("trainer", {"epochs": 1}, {"epochs": POSITIVE_COUNT}, optional={"seed": COUNT})
