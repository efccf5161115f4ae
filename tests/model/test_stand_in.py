"""Stand-ins for missing inputs: learned where training rows lack one, else the mean of the training rows."""

import numpy as np
import pytest

from pipeline.model import stand_in
from pipeline.model.stand_in import set_means, stand_ins
from tests.model.jobs import features_of, job, train

pytestmark = pytest.mark.usefixtures("all_rows")


@pytest.fixture
def lacking(planted_folder, tmp_path):
    """The planted data, in which a third of the rows of some splits lack an input."""

    def made(**inputs):
        """Name of an input -> number of the split whose rows lack it."""
        arrays = dict(np.load(planted_folder / "planted.npz"))
        for name, split in inputs.items():
            arrays[name] = arrays[name].astype("float32")
            arrays[name][np.flatnonzero(arrays["split"] == split)[::3]] = np.nan
        for part in ("data", "heads"):
            text = (planted_folder / part / "planted.yaml").read_text()
            (tmp_path / part).mkdir()
            (tmp_path / part / "planted.yaml").write_text(text)
        np.savez(tmp_path / "planted.npz", **arrays)
        return tmp_path

    return made


@pytest.mark.parametrize(("image", "series"), [(1, 2), pytest.param(2, 1, marks=pytest.mark.slow)])
def test_where_only_other_rows_lack_an_input_the_mean_of_training_stands_in(lacking, image, series):
    made = job(lacking(image=image, series=series))
    train(made, epochs=2)  # it follows the branch from epoch to epoch
    for name, split in {"image": image, "series": series}.items():
        found = features_of(made, {1: "val", 2: "test"}[split], name)
        mean = features_of(made, "train", name).mean(axis=0)
        np.testing.assert_allclose(found[::3], np.tile(mean, (len(found[::3]), 1)), rtol=1e-4, atol=1e-5)
        assert np.abs(found[1::3] - mean).max(axis=1).min() > 1e-3
    assert np.isfinite(list(made.trainer.evaluate(made.rows["val"]).losses.values())).all()


def test_where_training_rows_lack_an_input_the_stand_in_is_learned(lacking):
    made = job(lacking(image=0, series=0))
    train(made)
    vectors = stand_ins(made.model, made.rows["train"])
    for name in ("image", "series"):
        found = features_of(made, "train", name)[::3]
        assert (found == found[0]).all()
        assert np.abs(found).max() > 0
        np.testing.assert_array_equal(vectors[name][0], found[0])


def test_a_frozen_branch_learns_no_stand_in_so_its_mean_stands_in(lacking):
    made = job(lacking(image=0), "branches.image.learning_rate=0")
    train(made)
    found = features_of(made, "train", "image")
    gone = np.arange(len(found)) % 3 == 0
    due = np.tile(found[~gone].mean(axis=0), (gone.sum(), 1))
    np.testing.assert_allclose(found[gone], due, rtol=1e-4, atol=1e-6)


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
