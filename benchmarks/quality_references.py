"""What five lines of scikit-learn reach: simple models of one target, on the rows of a prepared data set.

A linear model sees everything (one-hot categories, standardised numbers, TF-IDF of words and of letters,
summaries and steps of series, pixels); gradient boosting sees the same without sparse columns. Their
strengths of regularisation, and which of the two is the reference of a head, are chosen on the validation
rows.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

STRENGTHS = np.geomspace(1e-3, 1e3, 7)
COMPONENTS = 32  # of a text's TF-IDF, for gradient boosting
MOST_TREES = 5000  # columns x classes; gradient boosting on pixels takes hours and is no simple model
STEPS = 64  # of a series
MOST_CATEGORIES = 200  # of a column, for gradient boosting
Features = dict[str, Any]  # split -> matrix


def features(dataset: Any) -> tuple[Features, Features]:
    """Return the matrices of the linear model (sparse) and of gradient boosting (dense), by split."""
    wide: dict[str, list[Any]] = {split: [] for split in dataset.splits}
    dense: dict[str, list[Any]] = {split: [] for split in dataset.splits}
    for source in dataset.inputs.values():
        for key, (shape, dtype) in source.specs().items():
            raw = {split: np.asarray(rows.raw[key]) for split, rows in dataset.splits.items()}
            if dtype == "string":
                build = _text if source.kind == "text" else _category
            else:
                build = _array if shape else _number
            for matrices, values in zip((wide, dense), build(raw), strict=True):
                for split, matrix in values.items():
                    matrices[split].append(matrix)
    return (
        {split: _compact(sparse.hstack(parts).tocsr()) for split, parts in wide.items()},
        {split: np.hstack(parts) for split, parts in dense.items()},
    )


def _compact(matrix: Any) -> Any:
    """An array if most cells of a sparse matrix are filled, as those of pixels: models are faster so."""
    return matrix.toarray() if 2 * matrix.nnz > np.prod(matrix.shape) else matrix


def predict(
    wide: Features,
    dense: Features,
    labels: Mapping[str, np.ndarray],
    classes: int | None,
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, str]:
    """Return the test predictions and the name of the reference that is best on the validation rows.

    Args:
        labels: by split: codes, -1 where missing; or numbers (rows,), NaN where missing.
        classes: number of classes; None for numbers.
        losses: (labels, predictions) -> loss of each row.
    """

    def labelled(split: str) -> np.ndarray:
        return labels[split] >= 0 if classes else ~np.isnan(labels[split])

    train, val = labelled("train"), labelled("val")
    best: tuple[float, np.ndarray, str] | None = None
    # Gradient boosting sets rows of every class aside to know when to stop.
    rarest = np.unique(labels["train"][train], return_counts=True)[1].min() if classes else 2
    stops = train.sum() > 500 and rarest > 1
    for name, model, matrices in _models(wide, dense, classes, stops=bool(stops)):
        model.fit(matrices["train"][train], labels["train"][train])
        loss = losses(labels["val"][val], _outputs(model, matrices["val"][val], classes)).mean()
        if best is None or loss < best[0]:
            best = loss, _outputs(model, matrices["test"], classes), name
    assert best is not None
    return best[1:]


def _models(
    wide: Features, dense: Features, classes: int | None, *, stops: bool
) -> Iterator[tuple[str, Any, Features]]:
    for strength in STRENGTHS:
        linear = LogisticRegression(C=strength, max_iter=300) if classes else Ridge(alpha=1 / strength)
        yield "linear", make_pipeline(MaxAbsScaler(), linear), wide
    if dense["train"].shape[1] * (classes or 1) > MOST_TREES:
        return
    for rate in (0.03, 0.1):
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        yield (
            "boosting",
            kind(learning_rate=rate, early_stopping=stops, max_iter=200, random_state=0),
            dense,
        )


def _outputs(model: Any, matrix: Any, classes: int | None) -> np.ndarray:
    """Probabilities (rows, classes), or numbers (rows,)."""
    if classes is None:
        return np.asarray(model.predict(matrix))
    probabilities = np.zeros((matrix.shape[0], classes))
    probabilities[:, model.classes_.astype(int)] = model.predict_proba(matrix)
    return probabilities


def _number(raw: Mapping[str, np.ndarray]) -> tuple[Features, Features]:
    dense = {split: values[:, None].astype(float) for split, values in raw.items()}
    prepare = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    prepare.fit(dense["train"])
    return {split: sparse.csr_matrix(prepare.transform(values)) for split, values in dense.items()}, dense


def _category(raw: Mapping[str, np.ndarray]) -> tuple[Features, Features]:
    columns = {split: values.astype(str)[:, None] for split, values in raw.items()}
    hot = OneHotEncoder(handle_unknown="ignore").fit(columns["train"])
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, max_categories=MOST_CATEGORIES
    ).fit(columns["train"])
    return (
        {split: hot.transform(values) for split, values in columns.items()},
        {split: codes.transform(values) for split, values in columns.items()},
    )


def _text(raw: Mapping[str, np.ndarray]) -> tuple[Features, Features]:
    texts = {split: [str(value) for value in values.reshape(-1)] for split, values in raw.items()}
    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit(texts["train"])
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2)
    letters.fit(texts["train"])
    wide = {
        split: sparse.hstack([words.transform(values), letters.transform(values)]).tocsr()
        for split, values in texts.items()
    }
    size = min(COMPONENTS, wide["train"].shape[1] - 1)
    reduce = TruncatedSVD(size, random_state=0).fit(wide["train"])
    return wide, {split: reduce.transform(values) for split, values in wide.items()}


def _array(raw: Mapping[str, np.ndarray]) -> tuple[Features, Features]:
    """Pixels of images; mean, spread, extremes, ends and steps of series (padding is NaN)."""

    def flat(values: np.ndarray) -> np.ndarray:
        if values.ndim != 3:  # images and vectors
            return values.reshape(len(values), -1).astype(float)
        frame = values[:, :STEPS].astype(float)
        frame = np.pad(frame, [(0, 0), (0, STEPS - frame.shape[1]), (0, 0)], constant_values=np.nan)
        present = ~np.isnan(frame).all(axis=2)
        last = np.maximum(present.sum(axis=1) - 1, 0)
        summaries = [np.nanmean(frame, 1), np.nanstd(frame, 1), np.nanmin(frame, 1), np.nanmax(frame, 1)]
        ends = [frame[:, 0], frame[np.arange(len(frame)), last], present.sum(axis=1, keepdims=True)]
        return np.hstack([*summaries, *ends, np.nan_to_num(frame).reshape(len(frame), -1)])

    dense = {split: flat(values) for split, values in raw.items()}
    prepare = make_pipeline(SimpleImputer(), StandardScaler()).fit(dense["train"])
    return {split: sparse.csr_matrix(prepare.transform(values)) for split, values in dense.items()}, dense
