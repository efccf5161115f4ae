"""Principal components of columns that say nearly the same."""

import numpy as np
import pytest

from pipeline import data
from pipeline.data.kinds.components import SMALLEST, components_of

RANDOM = np.random.default_rng(0)
ROWS, COLUMNS = 200, 40
SHARED = RANDOM.normal(size=(ROWS, 1))
HIDDEN = RANDOM.normal(size=(ROWS, 2))
PLACES = np.linspace(0, 1, COLUMNS)
SHAPES = np.stack([np.sin(3 * PLACES), np.cos(7 * PLACES)])
SPECTRA = SHARED + 0.05 * HIDDEN @ SHAPES + 1e-4 * RANDOM.normal(size=(ROWS, COLUMNS))


def test_components_tell_apart_what_columns_share_and_what_they_do_not() -> None:
    found = components_of(SPECTRA, "k")
    assert found is not None
    assert found.weights.shape == (COLUMNS, 3)
    seen = np.asarray(found(SPECTRA.astype(np.float32)))
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(np.cov(seen.T), np.eye(3), atol=0.02)
    explained = np.linalg.lstsq(seen, HIDDEN - HIDDEN.mean(axis=0), rcond=None)[0]
    rest = HIDDEN - HIDDEN.mean(axis=0) - seen @ explained
    assert (rest**2).mean() < 0.01


@pytest.mark.parametrize(
    "columns",
    [
        RANDOM.normal(size=(ROWS, COLUMNS)),
        SHARED + RANDOM.normal(size=(ROWS, COLUMNS)),
        SPECTRA[:, :8],
        np.zeros((ROWS, COLUMNS)),
        SPECTRA[:5],
    ],
    ids=["independent", "half shared", "few", "constant", "few rows"],
)
def test_other_columns_have_none(columns: np.ndarray) -> None:
    assert components_of(columns, "k") is None


def test_components_of_noise_are_left_out() -> None:
    found = components_of(SHARED + 0.1 * SMALLEST * RANDOM.normal(size=(ROWS, COLUMNS)), "k")
    assert found is not None
    assert found.weights.shape == (COLUMNS, 1)


def test_a_vector_has_them_by_scale_auto_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    values = SPECTRA.copy()
    values[3, 5] = np.nan
    arrays = {"a": values, "split": np.arange(ROWS) % 3}
    split = {"column": "s.split", "train": 0, "val": 1, "test": 2}
    shapes = {}
    for scale in ("auto", "robust"):
        entry = {"kind": "vector", "column": "s.a", "scale": scale}
        dataset = data.load({"s": arrays}, {"x": entry}, {}, split)
        prepared = dataset.splits["train"].prepared["x"]
        shapes[scale] = prepared.shape[1]
        assert len(dataset.inputs["x"].prepared_names()) == prepared.shape[1]
        assert np.isfinite(prepared).all()
    assert shapes == {"auto": COLUMNS + 1 + 3, "robust": COLUMNS + 1}
    (message,) = [text for text in caplog.messages if "components" in text]
    assert message.startswith("data.inputs.x: the 40 columns say nearly the same; 3 principal components")
