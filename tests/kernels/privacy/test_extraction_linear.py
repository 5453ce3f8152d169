import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from holdfast.kernels.privacy.extraction_linear import log_ratios, recover_linear, resolution_of
from holdfast.kernels.privacy.input_space import space_of

N_INPUTS = 10
ROWS = np.random.default_rng(0).normal(size=(2000, N_INPUTS))
SPACE = space_of({str(j): ROWS[:, j] for j in range(N_INPUTS)})


def logistic(seed, n_classes=2):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(N_INPUTS, 1 if n_classes == 2 else n_classes))
    bias = rng.normal(size=weights.shape[1])

    def ask(X):
        logits = X @ weights + bias
        return np.column_stack([expit(-logits), expit(logits)]) if n_classes == 2 else softmax(logits, axis=1)

    return ask


def recover(ask, queries=200, seed=0, space=SPACE):
    return recover_linear(ask, space, queries=queries, rng=np.random.default_rng(seed))


def labels(scores):
    return scores.argmax(axis=1)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_logistic_model_is_recovered_with_one_question_more_than_weights(n_classes):
    ask = logistic(1, n_classes)
    copy = recover(ask)
    assert (copy.parameters, copy.queries) == (N_INPUTS + 1, N_INPUTS + 2)
    assert copy.is_linear
    np.testing.assert_allclose(softmax(copy.scores(ROWS), axis=1), ask(ROWS), atol=1e-6)


def test_a_regression_is_recovered_exactly():
    copy = recover(lambda X: X[:, :1] * 3.0 - X[:, 1:2] + 1e4)
    assert copy.queries == N_INPUTS + 2
    np.testing.assert_allclose(copy.scores(ROWS)[:, 0], ROWS[:, 0] * 3.0 - ROWS[:, 1] + 1e4, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_two_decimals_are_enough_for_995_in_1000_at_50_questions(seed):
    ask = logistic(seed)
    copy = recover(lambda X: ask(X).round(2), queries=50, seed=seed)
    assert copy.queries == 50
    assert copy.is_linear
    assert (labels(copy.scores(ROWS)) == labels(ask(ROWS))).mean() >= 0.995


def test_single_precision_counts_as_exact():
    ask = logistic(3)
    copy = recover(lambda X: ask(X).astype(np.float32).astype(np.float64))
    assert copy.is_linear
    assert (labels(copy.scores(ROWS)) == labels(ask(ROWS))).all()


def test_categories_and_missing_numbers_have_weights_of_their_own():
    rng = np.random.default_rng(5)
    cells = {
        "pay": np.where(rng.random(500) < 0.1, np.nan, rng.normal(size=500)),
        "job": rng.choice(np.array(["a", "b", "c", None], dtype=object), 500),
    }
    space = space_of(cells)
    effect = np.array([0.5, -1.0, 2.0, 0.0])

    def ask(X):
        logits = np.where(np.isnan(X[:, 0]), 0.7, 2.0 * X[:, 0]) + effect[X[:, 1].astype(int)]
        return np.column_stack([expit(-logits), expit(logits)])

    copy = recover(ask, space=space)
    assert (copy.parameters, copy.queries, copy.is_linear) == (1 + 2 + 3, 7, True)
    X = space.encode(cells)
    np.testing.assert_allclose(softmax(copy.scores(X), axis=1), ask(X), atol=1e-6)


@pytest.mark.parametrize("decimals", [None, 2])
def test_a_model_of_another_kind_is_told_apart(decimals):
    def ask(X):
        p = expit(3.0 * X[:, 0] * X[:, 1])
        p = p if decimals is None else p.round(decimals)
        return np.column_stack([1.0 - p, p])

    assert not recover(ask).is_linear


def test_a_budget_below_the_weights_asks_nothing():
    def ask(X):
        raise AssertionError("asked")

    assert recover(ask, queries=N_INPUTS + 1) is None


def test_saturated_answers_never_end_in_a_wrong_claim():
    copy = recover(lambda X: np.column_stack([np.zeros(len(X)), np.ones(len(X))]), queries=60)
    assert not copy.is_linear
    assert (labels(copy.scores(ROWS)) >= 0).all()


def test_many_classes_are_solved_for_at_once():
    ask = logistic(2, 100)
    copy = recover(ask)
    assert (labels(copy.scores(ROWS[:50])) == labels(ask(ROWS[:50]))).all()


@pytest.mark.parametrize(("decimals", "step"), [(0, 1.0), (1, 0.1), (3, 0.001), (9, 2.0**-24)])
def test_rounding_is_recognised(decimals, step):
    assert resolution_of(np.random.default_rng(0).random(100).round(decimals)) == pytest.approx(step)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_ratios_do_not_depend_on_a_common_factor(seed):
    p = np.random.default_rng(seed).random((5, 3)) + 0.01
    first, second = (log_ratios(scale * p, reference=0, resolution=1e-6)[0] for scale in (1.0, 3.0))
    np.testing.assert_allclose(first, second, atol=1e-12)


def test_saturated_answers_are_dropped():
    targets, deviation = log_ratios(np.array([[1.0, 0.0], [0.5, 0.5]]), reference=0, resolution=0.01)
    assert np.isinf(deviation[0, 1])
    assert targets[1, 1] == 0.0
