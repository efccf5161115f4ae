"""Explanations add up to the predictions, and point at what was planted."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import predict
from pipeline.errors import ConfigError
from pipeline.finished.explaining import explainer_of, positions
from pipeline.model.attribution import Explainer, training_means
from tests.prediction import DEFAULTS, PENGUINS


@pytest.fixture(scope="module")
def explained(untrained, finished):
    """The validation rows of the untrained penguins' model, explained; one row has no value at all."""
    raw = {key: np.array(values[:]) for key, values in untrained.job.dataset.splits["val"].raw.items()}
    for values in raw.values():
        values[3] = "" if values.dtype == object else np.nan
    columns = {"traits": untrained.job.dataset.inputs["traits"].prepared_names()}
    means = training_means(finished.model, {"traits": "table"}, raw, columns)
    explainer = Explainer(finished.model, {"traits": "table"}, means, positions(finished.columns))
    return explainer.explain(raw), finished.model(raw)


def test_attributions_add_up_to_the_prediction_minus_that_of_the_mean(explained):
    found, outputs = explained
    for head, one in found.items():
        rows = np.arange(len(one.chosen))
        np.testing.assert_allclose(one.values, np.asarray(outputs[head])[rows, one.chosen], rtol=1e-5)
        assert one.gap() <= 0.01
        total = sum(one.totals().values())
        np.testing.assert_allclose(
            total, one.values - one.baselines, atol=0.011 * np.abs(one.values - one.baselines).max()
        )
        assert np.ptp(total) > 0


def test_a_table_has_an_attribution_for_each_column_and_the_middle_quantile_is_explained(explained):
    found, _ = explained
    assert set(found["species"].inputs["traits"]) == {
        *("traits.island", "traits.sex", "traits.bill_length_mm"),
        *("traits.bill_depth_mm", "traits.flipper_length_mm"),
    }
    assert (found["body_mass"].chosen == 1).all()
    assert found["species"].chosen.max() > 0 or found["species"].chosen.min() == 0


def test_several_models_in_one_are_refused(finished):
    other = SimpleNamespace(model=SimpleNamespace(layers=[]))
    with pytest.raises(ConfigError, match="consists of several models"):
        explainer_of(SimpleNamespace(run_id="3f2a"), other)


def run(output, **config):
    given = {**DEFAULTS, "explain": True, **config}
    predict.run({**given, "input": str(given["input"]), "output": str(output)}, [])
    return pd.read_parquet(output), pq.read_table(output.with_suffix(".explained.parquet")).to_pandas()


def test_the_file_explains_what_was_predicted_pixel_by_pixel_and_step_by_step(
    recorded, planted_folder, tmp_path, capsys
):
    arrays = dict(np.load(planted_folder / "planted.npz"))
    np.savez(tmp_path / "some.npz", **{key: values[:20] for key, values in arrays.items()})
    predicted, why = run(tmp_path / "o.parquet", run=recorded.planted, input=tmp_path / "some.npz")
    assert "20 rows explained -> " in capsys.readouterr().out
    assert why.place_explained.tolist() == predicted.place_predicted.tolist()
    np.testing.assert_allclose(why.slope_value, predicted.slope_predicted, rtol=1e-5)
    parts = why.slope_from_image + why.slope_from_series + why.slope_unexplained
    np.testing.assert_allclose(parts, why.slope_value - why.slope_training_mean, rtol=1e-4, atol=1e-3)
    steps = np.array([np.sum(cells) for cells in why["slope_from_series.steps"]])
    np.testing.assert_allclose(steps, why.slope_from_series, rtol=1e-3, atol=1e-3)
    # The slope shows only in the series, the place only in the two bright rows of the image.
    assert why.slope_from_series.abs().sum() > 5 * why.slope_from_image.abs().sum()
    pixels = np.abs(np.stack(why["place_from_image.pixels"]).reshape(20, 8, 8)).sum(axis=(0, 2))
    assert set(np.argsort(pixels)[-2:]) == {1, 6}


@pytest.mark.slow
def test_a_missing_input_adds_nothing(recorded, planted_folder, tmp_path):
    arrays = dict(np.load(planted_folder / "planted.npz"))
    np.savez(tmp_path / "some.npz", **{key: values[:4] for key, values in arrays.items()})
    config = {"run": recorded.planted, "input": tmp_path / "some.npz", "missing": ["series"]}
    _, why = run(tmp_path / "o.parquet", **config)
    assert (why.slope_from_series == 0).all()
    assert (why.place_from_image != 0).all()


def test_rows_that_cannot_be_read_are_left_out_of_the_explanations(recorded, tmp_path):
    lines = PENGUINS.read_text().splitlines()[:6]
    lines[3] = lines[3].replace("40.3", "forty")
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    predicted, why = run(tmp_path / "o.parquet", run=recorded.penguins, input=tmp_path / "rows.csv")
    assert (len(predicted), why.row.tolist()) == (5, [0, 1, 3, 4])
