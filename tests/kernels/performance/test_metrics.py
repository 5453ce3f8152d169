import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from holdfast.kernels.performance.metrics import (
    LARGEST_LOG_LOSS,
    balanced_accuracy,
    brier_losses,
    class_rates,
    confusion_interval,
    confusion_matrix,
    log_losses,
    macro_f1,
    mean_loss,
)

MATRICES = arrays(np.int64, st.integers(1, 5).map(lambda k: (k, k)), elements=st.integers(0, 50)).filter(np.any)


def random_case(n_classes, n=400, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(n_classes), size=n)
    return rng.integers(n_classes, size=n), scores.argmax(axis=1), scores


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_confusion_matrix_agrees_with_scikit_learn(n_classes):
    y, predicted, _ = random_case(n_classes)
    expected = reference.confusion_matrix(y, predicted, labels=range(n_classes))
    np.testing.assert_array_equal(confusion_matrix(y, predicted, n_classes=n_classes), expected)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_metrics_of_the_matrix_agree_with_scikit_learn(n_classes):
    y, predicted, _ = random_case(n_classes)
    counts = confusion_matrix(y, predicted, n_classes=n_classes)
    assert float(balanced_accuracy(counts)) == pytest.approx(reference.balanced_accuracy_score(y, predicted))
    assert float(macro_f1(counts)) == pytest.approx(reference.f1_score(y, predicted, average="macro"))
    precision, recall, f1, support = reference.precision_recall_fscore_support(y, predicted)
    rates = class_rates(counts)
    np.testing.assert_allclose(rates.precision, precision)
    np.testing.assert_allclose(rates.recall, recall)
    np.testing.assert_allclose(rates.f1, f1)
    np.testing.assert_array_equal(rates.n_true, support)


def test_a_class_that_never_occurs_has_no_part_in_balanced_accuracy():
    assert float(balanced_accuracy([[8, 2, 0], [1, 9, 0], [0, 0, 0]])) == pytest.approx(0.85)


def test_a_class_that_is_predicted_but_never_occurs_counts_as_zero_f1():
    assert float(macro_f1([[5, 5], [0, 0]])) == pytest.approx(
        reference.f1_score([0] * 10, [0, 1] * 5, average="macro", zero_division=0)
    )


def test_rates_of_a_class_without_rows_or_predictions_are_nan():
    rates = class_rates([[5, 0], [0, 0]])
    assert np.isnan(rates.precision[1])
    assert np.isnan(rates.recall[1])


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_log_loss_agrees_with_scikit_learn(n_classes):
    y, _, scores = random_case(n_classes)
    expected = reference.log_loss(y, scores, labels=range(n_classes))
    assert log_losses(y, scores).mean() == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_brier_agrees_with_scikit_learn_scaled_by_half(n_classes):
    y, _, scores = random_case(n_classes)
    onehot = np.eye(n_classes)[y]
    assert brier_losses(y, scores).mean() == pytest.approx(0.5 * ((scores - onehot) ** 2).sum(axis=1).mean())
    if n_classes == 2:
        assert brier_losses(y, scores).mean() == pytest.approx(reference.brier_score_loss(y, scores[:, 1]))


def test_log_loss_of_a_certain_mistake_is_clipped():
    assert log_losses([0], [[0.0, 1.0]]).item() == pytest.approx(LARGEST_LOG_LOSS)


def test_scores_in_float32_give_nearly_the_same_losses():
    y, _, scores = random_case(3)
    np.testing.assert_allclose(log_losses(y, scores.astype(np.float32)), log_losses(y, scores), rtol=1e-4)


@settings(deadline=None)
@given(MATRICES)
def test_metrics_of_the_matrix_lie_between_zero_and_one(counts):
    assert 0.0 <= float(balanced_accuracy(counts)) <= 1.0
    assert 0.0 <= float(macro_f1(counts)) <= 1.0


@settings(deadline=None)
@given(MATRICES, st.randoms())
def test_metrics_do_not_depend_on_the_order_of_classes(counts, random):
    order = list(range(counts.shape[0]))
    random.shuffle(order)
    shuffled = counts[np.ix_(order, order)]
    assert float(balanced_accuracy(shuffled)) == pytest.approx(float(balanced_accuracy(counts)))
    assert float(macro_f1(shuffled)) == pytest.approx(float(macro_f1(counts)))


@settings(deadline=None)
@given(MATRICES, st.sampled_from([balanced_accuracy, macro_f1]))
def test_interval_holds_the_value(counts, metric):
    estimate = confusion_interval(metric, counts, rng=np.random.default_rng(0), n_resamples=50)
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_a_classifier_without_errors_is_not_certain():
    estimate = confusion_interval(macro_f1, [[15, 0], [0, 15]], rng=np.random.default_rng(0), n_resamples=1000)
    assert estimate.value == 1.0
    assert 0.8 < estimate.low < 0.97


def test_interval_narrows_with_the_root_of_the_rows():
    few, many = (
        confusion_interval(
            balanced_accuracy, np.array([[80, 20], [10, 40]]) * k, rng=np.random.default_rng(0), n_resamples=4000
        )
        for k in (1, 16)
    )
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4.0, rel=0.15)


def test_same_seed_gives_the_same_interval():
    first, second = (
        confusion_interval(macro_f1, [[8, 2], [3, 7]], rng=np.random.default_rng(3), n_resamples=100) for _ in range(2)
    )
    assert first == second


def coverage(metric, shares, n, repeats, seed=0):
    rng = np.random.default_rng(seed)
    truth = float(metric(shares))
    hits = 0
    for _ in range(repeats):
        counts = rng.multinomial(n, shares.ravel()).reshape(shares.shape)
        estimate = confusion_interval(metric, counts, rng=rng, n_resamples=200)
        hits += estimate.low <= truth <= estimate.high
    return hits / repeats


def unequal_classes(n_classes, accuracy):
    frequency = np.append(0.8, np.full(n_classes - 1, 0.2 / (n_classes - 1)))
    answers = np.where(np.eye(n_classes, dtype=bool), accuracy, (1 - accuracy) / (n_classes - 1))
    return frequency[:, None] * answers


def test_interval_contains_the_truth_with_many_rows():
    # Failure probability below 1e-4 at a true coverage of 0.93.
    assert coverage(macro_f1, unequal_classes(3, 0.85), 1000, 200) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("metric", [balanced_accuracy, macro_f1])
@pytest.mark.parametrize(("n_classes", "n", "accuracy"), [(2, 50, 0.97), (2, 400, 0.9), (3, 100, 0.9), (10, 300, 0.95)])
def test_interval_contains_the_truth_95_percent(metric, n_classes, n, accuracy):
    assert coverage(metric, unequal_classes(n_classes, accuracy), n, 1000) > 0.91


def test_mean_loss_is_students_t_inside_the_range():
    losses = np.random.default_rng(0).random(100)
    estimate = mean_loss(losses, largest=1.0)
    half = 1.984217 * losses.std(ddof=1) / 10
    assert estimate.low == pytest.approx(losses.mean() - half, rel=1e-5)
    assert estimate.high == pytest.approx(losses.mean() + half, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_equal_losses_leave_room_for_what_was_not_seen(value):
    estimate = mean_loss([value] * 50, largest=1.0)
    assert 0.0 <= estimate.low <= value <= estimate.high <= 1.0
    assert 0.0 < estimate.high - estimate.low < 0.08


def test_empty_input_gives_nan_and_the_whole_range():
    assert np.isnan(mean_loss([], largest=2.0).value)
    assert mean_loss([], largest=2.0)[1:] == (0.0, 2.0)
    estimate = confusion_interval(macro_f1, [[0, 0], [0, 0]], rng=np.random.default_rng(0), n_resamples=100)
    assert np.isnan(estimate.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: confusion_matrix([0, 2], [0, 1], n_classes=2),
        lambda: confusion_matrix([0, -1], [0, 1], n_classes=2),
        lambda: confusion_matrix([0, 1, 1], [0, 1], n_classes=2),
        lambda: log_losses([0], [[np.nan, 0.5]]),
        lambda: log_losses([0], [[-0.5, 1.5]]),
        lambda: log_losses([0], [[0.0, 0.0]]),
        lambda: log_losses([0], [0.5]),
        lambda: brier_losses([0, 1], [[0.5, 0.5]]),
        lambda: mean_loss([2.0], largest=1.0),
        lambda: mean_loss([np.nan], largest=1.0),
        lambda: confusion_interval(macro_f1, [[1, 0], [0, 1]], rng=np.random.default_rng(0), n_resamples=10),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()
