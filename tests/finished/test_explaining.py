"""Explanations add up to the predictions, and point at what was planted."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import predict
from pipeline.finished.explaining import positions
from pipeline.finished.stored_files import read_model
from pipeline.model import export_model
from pipeline.model.attribution import Explainer, training_means
from pipeline.model.ensemble import join
from pipeline.model.joint_attribution import JointExplainer
from tests import composed
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


SERIES = ["conv1d", "conv1d_summary", "gru", "lstm", "transformer"]
BRANCHES = [
    *(f"branch@branches.image=conv2d branch@branches.series={name}" for name in SERIES),
    "branch@branches.image=resnet",
    *(f"experiment=gray_colour_name branch@branches.name=text_{name}" for name in ("conv", "transformer")),
    *(f"experiment=penguins branch@branches.traits={name}" for name in ("tabm", "dense")),
]


@pytest.mark.slow
@pytest.mark.parametrize("words", BRANCHES)
def test_attributions_add_up_through_every_kind_of_branch(words):
    job = composed.job(*words.split())
    inputs = job.dataset.inputs
    model = export_model(inputs, job.model, job.presenter, {})
    raw = {key: np.array(values[:6]) for key, values in job.dataset.splits["val"].raw.items()}
    kinds = {name: one.kind for name, one in inputs.items()}
    columns = {name: one.prepared_names() for name, one in inputs.items() if one.kind == "table"}
    explainer = Explainer(model, kinds, training_means(model, kinds, raw, columns), {})
    for head, one in explainer.explain(raw).items():
        assert np.abs(one.values - one.baselines).max() > 0, head
        assert one.gap() <= 0.012, head


def test_a_table_has_an_attribution_for_each_column_and_the_middle_quantile_is_explained(explained):
    found, _ = explained
    assert set(found["species"].inputs["traits"]) == {
        *("traits.island", "traits.sex", "traits.bill_length_mm"),
        *("traits.bill_depth_mm", "traits.flipper_length_mm"),
    }
    assert (found["body_mass"].chosen == 1).all()
    assert found["species"].chosen.max() > 0 or found["species"].chosen.min() == 0


@pytest.fixture(scope="module")
def joint(untrained, finished):
    """Returns a function: seeds of the members' weights, temperature -> explained rows, and their outputs."""
    job = untrained.job
    raw = {key: np.array(values[:9]) for key, values in job.dataset.splits["val"].raw.items()}
    columns = {"traits": job.dataset.inputs["traits"].prepared_names()}
    names = {name: target.names for name, target in job.dataset.targets.items()}

    def explain(seeds, temperature):
        members, others = ([read_model(untrained.model()) for _ in seeds] for _ in range(2))
        for member, other, seed in zip(members, others, seeds, strict=True):
            rng = np.random.default_rng(seed)
            scale = 0.1 if seed else 0.0
            changed = [
                w + scale * rng.normal(size=w.shape) if w.dtype == np.float32 else w
                for w in member.get_weights()
            ]
            member.set_weights(changed)
            other.set_weights(changed)
        means = [training_means(other, {"traits": "table"}, raw, columns) for other in others]
        heads = {name: job.heads[name] for name in names}
        model = join(
            members, heads, job.dataset.targets, [names] * len(seeds), {"species": temperature}
        ).model
        explainer = JointExplainer(model, {"traits": "table"}, means, positions(finished.columns))
        return explainer.explain(raw), model(raw)

    return explain


def test_attributions_of_several_models_add_up_to_their_calibrated_prediction(joint):
    found, outputs = joint([1, 2], temperature=0.5)
    for head, one in found.items():
        values = np.asarray(outputs[head])[np.arange(9), one.chosen]
        np.testing.assert_allclose(one.values, values, rtol=1e-5)
        assert one.gap() <= 0.011
        assert np.ptp(one.values - one.baselines) > 0


@pytest.mark.slow
def test_twice_the_same_model_is_explained_as_the_model_itself(joint):
    (one, _), (two, _) = joint([0], temperature=1.0), joint([0, 0], temperature=1.0)
    for head in one:
        for column, values in one[head].inputs["traits"].items():
            np.testing.assert_allclose(two[head].inputs["traits"][column], values, rtol=1e-3, atol=1e-4)


def run(output, **config):
    given = {**DEFAULTS, "explain": True, **config}
    predict.run({**given, "input": str(given["input"]), "output": str(output)}, [])
    return pd.read_parquet(output), pq.read_table(output.with_suffix(".explained.parquet")).to_pandas()


@pytest.mark.slow
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
