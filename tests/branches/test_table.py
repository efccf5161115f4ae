"""Table branches: categorical columns are embedded, and a missing cell is not an unseen category."""

import numpy as np

from pipeline import branches
from tests.branches.model_of import model_of


def test_a_missing_cell_has_another_embedding_than_an_unseen_category():
    table = branches.Table(units=[], embedding=2, unseen=0.9)
    model = model_of(table, (1,), vocabularies=(4,))
    embedding = np.arange(8.0).reshape(4, 2)
    model.get_layer("input_embedding_1").set_weights([embedding])
    np.testing.assert_array_equal(model(np.array([[1.0], [0.0], [3.0]])), embedding[[1, 0, 3]])


def test_a_hidden_category_gets_the_code_for_unseen_ones():
    model = model_of(branches.Table(units=[], embedding=2, unseen=0.9), (1,), vocabularies=(4,))
    embedding = np.arange(8.0).reshape(4, 2)
    model.get_layer("input_embedding_1").set_weights([embedding])
    rows = np.asarray(model(np.full((200, 1), 3.0), training=True))
    assert {tuple(row) for row in rows} == {tuple(embedding[0]), tuple(embedding[3])}


def test_a_table_may_have_only_categorical_or_only_numeric_columns():
    x = np.ones((2, 2), "float32")
    assert model_of(branches.Table(units=[3]), (2,), vocabularies=(4, 4))(x).shape == (2, 3)
    assert model_of(branches.Table(units=[3]), (2,))(x).shape == (2, 3)
