"""Parts of dates, computed from seconds in the model."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.data.kinds.dates import Dates, calendar
from pipeline.data.kinds.prepare import prepare_rows
from pipeline.times import DURATION, MOMENT, TIME_OF_DAY

DAY = 86400.0


def test_the_calendar_is_that_of_pandas_over_four_centuries() -> None:
    moments = pd.date_range("1799-12-25 00:00", "2201-03-02", freq="37h13min").as_unit("s")
    found = calendar(moments.to_numpy().astype(np.int64).astype(np.float64))
    expected = {
        "year": moments.year,
        "month": moments.month,
        "day": moments.day,
        "weekday": moments.day_of_week,
        "hour": moments.hour + moments.minute / 60,
    }
    for part, values in expected.items():
        np.testing.assert_allclose(np.asarray(found[part]), values, atol=1e-9, err_msg=part)


def test_a_saved_model_prepares_dates_to_the_last_bit(tmp_path: Path) -> None:
    seconds = np.random.default_rng(0).uniform(0, 1.7e9, 50)
    seconds[3] = np.nan
    dates = Dates.of(seconds, MOMENT, "robust", column="s.day", key="k")
    tensor = keras.Input((), dtype="float64", name="day")
    model = keras.Model({"day": tensor}, dates.prepare(tensor))
    model.save(tmp_path / "model.keras")
    prepared = prepare_rows(model, {"day": seconds})
    assert prepared.shape == (50, len(dates.names))
    assert prepared.dtype == np.float32
    assert np.isfinite(prepared).all()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(prepare_rows(loaded, {"day": seconds}), prepared)


@pytest.mark.parametrize(
    ("kind", "seconds", "names"),
    [
        (
            MOMENT,
            [0, DAY * 366],
            ["elapsed", "year", "day sine", "day cosine", "weekday sine", "weekday cosine"],
        ),
        (MOMENT, [0, 3600], ["elapsed", "hour sine", "hour cosine"]),
        (TIME_OF_DAY, [0, 3600], ["elapsed", "hour sine", "hour cosine"]),
        (DURATION, [0, np.nan], ["elapsed", "missing"]),
    ],
)
def test_parts_that_do_not_vary_are_left_out(kind: str, seconds: list[float], names: list[str]) -> None:
    dates = Dates.of(np.array(seconds), kind, "none", column="s.day", key="k")
    assert dates.names == names
