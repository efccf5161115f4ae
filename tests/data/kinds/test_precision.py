"""Columns that lose distinct values in float32 are named."""

import numpy as np
import pytest

from pipeline import data

ROWS = 3000
CODES = np.arange(ROWS) % 3
NORMAL = np.random.default_rng(0).normal(size=ROWS)
SPLIT = {"column": "s.split", "train": 0, "val": 1, "test": 2}
# One far value makes all others equal in float32, unless they are squashed.
STEPS = np.where(np.arange(ROWS) == 0, 1e12, np.arange(ROWS) * 1e-3)


def said(
    caplog: pytest.LogCaptureFixture, values: np.ndarray, scale: str, *, target: bool = False
) -> list[str]:
    source = {"a": values, "b": NORMAL, "split": CODES}
    columns = ("s.b", "s.a") if target else ("s.a", "s.b")
    data.load(
        {"s": source},
        {"t": {"kind": "table", "numeric": [columns[0]], **({} if target else {"scale": scale})}},
        {"y": {"kind": "number", "column": columns[1], **({"scale": scale} if target else {})}},
        SPLIT,
    )
    return [message for message in caplog.messages if "distinct" in message]


@pytest.mark.parametrize(
    ("values", "scale"),
    [(STEPS, "standard"), (1.7e9 + NORMAL, "none"), (np.exp(10 * NORMAL), "robust")],
)
def test_a_column_that_loses_values_is_named(
    values: np.ndarray, scale: str, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = said(caplog, values, scale)
    assert message.startswith("column a: of 1,000 distinct values only ")
    assert message.endswith("(data.inputs.t.scale)")


@pytest.mark.parametrize(("values", "scale"), [(STEPS, "standard"), (1.7e9 + NORMAL, "none")])
def test_a_target_that_loses_values_is_named(
    values: np.ndarray, scale: str, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = said(caplog, values, scale, target=True)
    assert message.endswith("(data.targets.y.scale)")


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile"])
@pytest.mark.parametrize("offset", [0, 1.7e9, 2460000.5])
def test_other_columns_are_not(scale: str, offset: float, caplog: pytest.LogCaptureFixture) -> None:
    values = offset + np.round(NORMAL, 3)
    assert said(caplog, values, scale) == []


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile"])
def test_values_that_differ_by_rounding_are_no_loss(scale: str, caplog: pytest.LogCaptureFixture) -> None:
    high, low = (np.round(30 + values, 2) for values in (NORMAL, NORMAL[::-1]))
    values = high - low  # 0.12 and 0.1199999999999974
    assert len(np.unique(values)) > len(np.unique(np.round(values, 2))) + 100
    assert said(caplog, values, scale) == []


def test_a_column_of_mostly_equal_cells_that_loses_values_is_named(caplog: pytest.LogCaptureFixture) -> None:
    (message,) = said(caplog, np.where(np.arange(ROWS) % 7, 0, STEPS), "standard")
    assert message.startswith("column a: of ")
