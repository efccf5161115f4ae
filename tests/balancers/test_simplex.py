"""Solving on all faces of the simplex, and choosing the best valid candidate."""

import numpy as np
import tensorflow as tf

from pipeline.balancers.simplex import best_weights, faces, solve_on_faces


def test_the_faces_are_all_non_empty_sets_of_heads():
    assert {tuple(face) for face in faces(2)} == {(1, 0), (0, 1), (1, 1)}
    assert len(np.unique(faces(5), axis=0)) == 31


def test_each_face_is_solved_like_its_own_system():
    matrix = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 3.0]])
    right = np.array([[1.0], [2.0], [3.0]])
    solved = solve_on_faces(tf.constant(matrix), tf.constant(right)).numpy()
    for face, solution in zip(faces(3).astype(bool), solved[:, :, 0], strict=True):
        np.testing.assert_allclose(
            solution[face], np.linalg.solve(matrix[np.ix_(face, face)], right[face])[:, 0], atol=1e-12
        )
        assert not solution[~face].any()


def test_the_best_valid_candidate_wins_at_sum_one():
    candidates = tf.constant([[2.0, 2.0], [-3.0, -1.0], [5.0, -1.0], [0.0, 0.0], [np.nan, 1.0]], tf.float64)
    weights = best_weights(candidates, lambda w: w[:, 1], tf.constant([True, True]))
    np.testing.assert_allclose(weights, [0.75, 0.25])


def test_a_candidate_with_weight_on_a_head_that_is_not_allowed_is_left_out():
    candidates = tf.constant([[1.0, 1.0], [1.0, 0.0]], tf.float64)
    weights = best_weights(candidates, lambda w: -w[:, 1], tf.constant([True, False]))
    np.testing.assert_allclose(weights, [1.0, 0.0])
