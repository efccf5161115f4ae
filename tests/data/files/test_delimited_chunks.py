"""Text tables in chunks: rows with a wrong number of cells keep their place."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.files import delimited
from pipeline.data.files.chunks import open_chunks


@pytest.mark.parametrize("block", [64, 200])
def test_rows_with_a_wrong_number_of_cells_keep_their_place_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", block)
    wrong = [0, 1, 30, 59]
    lines = ["a,b", *("alone" if row in wrong else f"{row},x" for row in range(60))]
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("\n".join(lines))
    chunks = list(open_chunks(tmp_path / "a.csv.gz", "input").read(["a"], 8))
    cells = np.concatenate([chunk.columns["a"] for chunk in chunks])
    assert cells.tolist() == [None if row in wrong else str(row) for row in range(60)]
    assert [8 * number + row for number, chunk in enumerate(chunks) for row in chunk.invalid] == wrong
