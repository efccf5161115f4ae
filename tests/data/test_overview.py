"""The overview counts the labels of each target in each split."""

import numpy as np

from pipeline import data

SPLIT = np.repeat([0, 1, 2], [6, 3, 3])


def test_there_is_a_row_for_each_column_of_a_target_in_each_split() -> None:
    columns = {
        "kind": np.array(["x", "y", "", "x", "x", "y", "x", "", "", "y", "y", "y"], dtype=object),
        "shares": np.tile([0.25, 0.75], (12, 1)),
        "amount": np.array([np.nan, 1, 2, 3, 4, 5, np.nan, np.nan, np.nan, 7, 8, 9]) * 100,
        "late": np.array([0, 1, np.nan, 1, 1, 1] * 2),
        "split": SPLIT,
    }
    dataset = data.load(
        {"s": columns},
        {},
        {
            "kind": {"kind": "category", "column": "s.kind"},
            "shares": {"kind": "category", "column": "s.shares"},
            "amount": {"kind": "number", "column": "s.amount"},
            "tags": {"kind": "labels", "column": ["s.late", "s.late"]},
        },
        {"column": "s.split", "train": 0, "val": 1, "test": 2},
    )
    table = data.summary(dataset).to_dict("records")
    assert len(table) == 15
    rows = {(row["target"], row["column"], row["split"]): row for row in table}
    assert [rows["kind", "", "train"][name] for name in ("rows", "labelled")] == [6, 5]
    assert rows["kind", "", "train"]["counts"] == {"x": 3, "y": 2}
    assert rows["kind", "", "val"]["counts"] == {"x": 1, "y": 0}
    assert rows["shares", "", "test"]["counts"] == {"0": 0.75, "1": 2.25}
    assert rows["tags", "late", "train"]["counts"] == {"0": 1, "1": 4}
    numbers = rows["amount", "amount", "train"]
    np.testing.assert_allclose(
        [numbers[name] for name in ("labelled", "min", "q25", "median", "q75", "max")],
        [5, 100, 200, 300, 400, 500],
        rtol=1e-5,
    )
    empty = rows["amount", "amount", "val"]
    assert empty["labelled"] == 0
    assert np.isnan([empty["min"], empty["max"]]).all()
