"""Missing inputs: what takes their place, in training and in the exported model, learned or not."""

import numpy as np
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from pipeline import compose, config
from pipeline.model import encode, export_model, raw_specs, stand_in
from pipeline.model.stand_in import set_means, stand_ins

PARTS = ["branches=image_series", "branches.image.filters=[4]", "branches.series.filters=[4]"]


@pytest.fixture(autouse=True)
def all_rows(monkeypatch):
    """Means are over all training rows."""
    monkeypatch.setattr(stand_in, "ROWS", 400)


def job(folder, *overrides):
    with initialize_config_dir(str(config.CONF)):
        wanted = [f"hydra.searchpath=[file://{folder}]", "data=planted", "heads=planted", *PARTS, *overrides]
        cfg = hydra_compose("config", overrides=wanted)
    return compose.compose_job(cfg, folders=[folder])


@pytest.fixture
def lacking(planted_folder, tmp_path):
    """The planted data, in which some rows of one split lack an input."""

    def made(split, name):
        arrays = dict(np.load(planted_folder / "planted.npz"))
        arrays[name] = arrays[name].astype("float32")
        arrays[name][np.flatnonzero(arrays["split"] == split)[::3]] = np.nan
        (tmp_path / "data").mkdir()
        for part in ("data", "heads"):
            text = (planted_folder / part / "planted.yaml").read_text()
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / part / "planted.yaml").write_text(text)
        np.savez(tmp_path / "planted.npz", **arrays)
        return tmp_path

    return made


def train(made, epochs=1):
    for _ in range(epochs):
        rows = made.rows["train"]
        last = made.trainer.train(rows, np.arange(len(rows)), np.ones(3, "float32"))
    return last


def features_of(made, split, name):
    return np.asarray(encode(made.model, made.rows[split].inputs, training=False)[name])


@pytest.mark.parametrize("name", ["image", "series"])
@pytest.mark.parametrize("split", [1, 2])
def test_where_only_other_rows_lack_an_input_the_mean_of_training_stands_in(lacking, split, name):
    made = job(lacking(split, name))
    train(made)
    # It follows the branch from epoch to epoch.
    train(made)
    found = features_of(made, {1: "val", 2: "test"}[split], name)
    mean = features_of(made, "train", name).mean(axis=0)
    np.testing.assert_allclose(found[::3], np.tile(mean, (len(found[::3]), 1)), rtol=1e-4, atol=1e-5)
    assert np.abs(found[1::3] - mean).max(axis=1).min() > 1e-3
    assert np.isfinite(list(made.trainer.evaluate(made.rows["val"]).losses.values())).all()


@pytest.mark.parametrize("name", ["image", "series"])
def test_where_training_rows_lack_an_input_the_stand_in_is_learned(lacking, name):
    made = job(lacking(0, name))
    train(made)
    found = features_of(made, "train", name)[::3]
    assert (found == found[0]).all()
    assert np.abs(found).max() > 0
    np.testing.assert_array_equal(stand_ins(made.model, made.rows["train"])[name][0], found[0])


def test_a_frozen_branch_learns_no_stand_in_so_its_mean_stands_in(lacking):
    made = job(lacking(0, "image"), "branches.image.learning_rate=0")
    train(made)
    found = features_of(made, "train", "image")
    gone = np.arange(len(found)) % 3 == 0
    due = np.tile(found[~gone].mean(axis=0), (gone.sum(), 1))
    np.testing.assert_allclose(found[gone], due, rtol=1e-4, atol=1e-6)


def exported(made):
    return export_model(
        made.dataset.inputs, made.model, made.presenter, stand_ins(made.model, made.rows["train"])
    )


@pytest.mark.parametrize("name", ["image", "series"])
@pytest.mark.parametrize("dropout", [0, 0.2])
def test_the_exported_model_puts_the_stand_in_where_any_row_lacks_an_input(planted_folder, name, dropout):
    made = job(planted_folder, f"branches.{name}.dropout_input={dropout}")
    train(made)
    raw = {key: np.array(x[:6], "float32") for key, x in made.dataset.splits["test"].raw.items()}
    raw[name][1:4] = np.nan
    found = exported(made)(raw)
    features = {
        key: np.array(x[:6])
        for key, x in encode(made.model, made.rows["test"].inputs, training=False).items()
    }
    features[name][1:4] = stand_ins(made.model, made.rows["train"])[name]
    fused = made.model.get_layer("fusion")(features)
    due = made.presenter({head: made.model.get_layer(f"head_{head}")(fused) for head in made.heads})
    for head, values in found.items():
        np.testing.assert_allclose(values, due[head], rtol=1e-4, atol=1e-5)


def test_an_input_may_be_called_like_anothers_mean(planted_folder):
    inputs = [
        "+data.inputs.image_mean={kind: series, column: planted.series}",
        "+branch@branches.image_mean=conv1d",
    ]
    made = job(planted_folder, *inputs, "branches.image_mean.filters=[4]")
    raw = {key: np.array(x[:3], "float32") for key, x in made.dataset.splits["test"].raw.items()}
    raw["image"][:] = np.nan
    assert all(np.isfinite(values).all() for values in exported(made)(raw).values())


def test_the_exported_model_tells_which_inputs_are_bytes(planted_folder):
    whole = exported(job(planted_folder))
    assert raw_specs(whole, "image") == {"image": ((8, 8, 1), "uint8")}
    assert raw_specs(whole, "series") == {"series": ((None, 2), "float32")}


def test_the_mean_is_taken_over_rows_from_the_whole_split(planted_folder, monkeypatch):
    made = job(planted_folder)
    for rows, step in ((400, 1), (134, 3)):
        monkeypatch.setattr(stand_in, "ROWS", rows)
        for name, vector in stand_ins(made.model, made.rows["train"]).items():
            due = features_of(made, "train", name)[::step].mean(axis=0)
            np.testing.assert_allclose(vector[0], due, rtol=1e-4)
    # Nothing to set: no branch has a mean of its own.
    before = made.model.get_weights()
    set_means(made.model, made.rows["train"])
    for old, new in zip(before, made.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
