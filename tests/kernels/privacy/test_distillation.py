import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.privacy.distillation import distil, uncertainty


@given(st.integers(2, 6), st.integers(0, 10**6))
def test_a_perfect_copy_of_probabilities_has_the_same_labels(n_classes, seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(n_classes), 20) * 0.9 + 0.1 / n_classes
    lesson = distil(p, "probabilities", n_classes=n_classes)
    assert (lesson.scores(lesson.outputs).argmax(axis=1) == p.argmax(axis=1)).all()
    assert lesson.n_outputs == n_classes - 1


def test_saturated_probabilities_stay_finite():
    assert np.isfinite(distil(np.array([[1.0, 0.0]]), "probabilities", n_classes=2).outputs).all()


def test_values_come_back_in_their_own_unit():
    values = np.array([[10.0], [30.0]])
    lesson = distil(values, "values", n_classes=0)
    np.testing.assert_allclose(lesson.scores(lesson.outputs), values)


def test_a_constant_value_comes_back():
    lesson = distil(np.full((3, 1), 7.0), "values", n_classes=0)
    np.testing.assert_allclose(lesson.scores(lesson.outputs), 7.0)


def test_labels_that_do_not_occur_get_no_score():
    lesson = distil(np.array([[0.0], [3.0], [3.0]]), "labels", n_classes=5)
    assert lesson.outputs.tolist() == [0, 1, 1]
    assert lesson.scores(np.array([[0.2, 0.8]])).tolist() == [[0.2, 0.0, 0.0, 0.8, 0.0]]


def test_copies_are_unsure_where_two_classes_are_near():
    assert uncertainty(np.array([[[0.5, 0.5], [0.9, 0.1]]])) == pytest.approx([0.0, -0.8])


def test_copies_are_unsure_where_their_values_differ():
    assert uncertainty(np.array([[[1.0], [1.0]], [[1.0], [3.0]]])).tolist() == [0.0, 1.0]
