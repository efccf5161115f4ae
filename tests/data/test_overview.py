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
    table = data.summary(dataset).set_index(["target", "column", "split"])
    assert len(table) == 15
    assert table.loc[("kind", "", "train"), ["rows", "labelled"]].tolist() == [6, 5]
    assert table.loc[("kind", "", "train"), "counts"] == {"x": 3, "y": 2}
    assert table.loc[("kind", "", "val"), "counts"] == {"x": 1, "y": 0}
    assert table.loc[("shares", "", "test"), "counts"] == {"0": 0.75, "1": 2.25}
    assert table.loc[("tags", "late", "train"), "counts"].to_list()[0] == {"0": 1, "1": 4}
    numbers = table.loc[("amount", "amount", "train")]
    np.testing.assert_allclose(
        numbers[["labelled", "min", "q25", "median", "q75", "max"]].astype(float),
        [5, 100, 200, 300, 400, 500],
        rtol=1e-5,
    )
    empty = table.loc[("amount", "amount", "val")]
    assert empty["labelled"] == 0
    assert empty[["min", "max"]].isna().all()
