"""A quoted cell that is never closed is named, instead of holding the rows after it."""

from pathlib import Path

import pytest

from pipeline.data.columns import strings
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.small_data import read_column


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("row", ['2,3,"open', '2,3,"open ""still', '"2,3,open'])
def test_a_cell_that_is_never_closed_does_not_swallow_the_other_rows(
    tmp_path: Path, row: str, in_memory: bool
) -> None:
    (tmp_path / "s.csv").write_text(f'alpha,beta,ort\n1,2,"a"\n{row}\n4,5,c\n6,7,d\n')
    with pytest.raises(
        ConfigError, match=r"s\.csv, row 1 \(counting from 0\): a cell begins with .* not closed"
    ):
        Sources({"s": "s.csv"}, folders=[tmp_path], references=["s.ort"], in_memory=in_memory)


def test_single_quote_signs_inside_cells_close_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text('alpha,beta,ort\n1,2,a 5" pipe\n3,4,"b"\n')
    assert strings(read_column("s.csv", "s.ort", tmp_path)).tolist() == ['a 5" pipe', "b"]
