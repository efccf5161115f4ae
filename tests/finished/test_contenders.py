"""What is compared of runs and sweeps."""

import pandas as pd
import pytest

from pipeline.comparison.verdicts import Contender
from pipeline.errors import ConfigError
from pipeline.finished.contenders import OUT_OF_FOLD, common_splits


def contender(*splits: str) -> Contender:
    return Contender("3f2a", "a", {}, {}, dict.fromkeys(splits, pd.DataFrame()))


def test_sweeps_over_folds_are_compared_on_all_rows_rather_than_on_the_test_rows_of_their_ensembles():
    folds, single = contender("test", OUT_OF_FOLD), contender("test", "val")
    assert common_splits([folds, folds]) == [OUT_OF_FOLD, "test"]
    assert common_splits([folds, single]) == ["test"]
    assert common_splits([single, single]) == ["test", "val"]


def test_runs_without_rows_of_the_same_kind_are_refused():
    with pytest.raises(ConfigError, match="no rows of the same kind"):
        common_splits([contender(OUT_OF_FOLD), contender("val")])
