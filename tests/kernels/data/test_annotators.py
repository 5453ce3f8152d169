import numpy as np
import pytest

from holdfast.kernels.data.annotators import judge_annotators

RIGHT = (0.9, 0.8, 0.7, 0.6, 0.5)


def labelled(rng, n=1500, n_classes=4, right=RIGHT, share=0.6):
    """True classes, and the labels of annotators who each see a share of the rows."""
    truth = rng.integers(n_classes, size=n)
    other = (truth[:, None] + rng.integers(1, n_classes, size=(n, len(right)))) % n_classes
    labels = np.where(rng.random((n, len(right))) < right, truth[:, None], other)
    return truth, np.where(rng.random(labels.shape) < share, labels, -1)


def answers(rng, truth, n_classes=4):
    """A model's probabilities, calibrated: the posterior of a noisy measurement of the class."""
    z = 1.5 * np.eye(n_classes)[truth] + rng.normal(size=(truth.size, n_classes))
    p = np.exp(1.5 * z)
    return p / p.sum(axis=1, keepdims=True)


def by_majority(rng, labels, n_classes=4):
    votes = np.stack([(labels == label).sum(axis=1) for label in range(n_classes)], axis=1)
    return (votes + 0.1 * rng.random(votes.shape)).argmax(axis=1)


def test_better_annotators_count_for_more_and_a_model_helps():
    rng = np.random.default_rng(0)
    truth, labels = labelled(rng)
    alone = judge_annotators(labels, 4, rng=rng).posterior.argmax(axis=1)
    helped = judge_annotators(labels, 4, rng=rng, prior=answers(rng, truth)).posterior.argmax(axis=1)
    shares = [(found == truth).mean() for found in (by_majority(rng, labels), alone, helped)]
    assert shares[1] > shares[0] + 0.02
    assert shares[2] > shares[1] + 0.03


def test_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    truth, labels = labelled(rng, n=6000)
    posterior = judge_annotators(labels, 4, rng=rng).posterior
    best = posterior.argmax(axis=1)
    sure = posterior.max(axis=1)
    for low, high in ((0.4, 0.7), (0.7, 0.9), (0.9, 1.0)):
        part = (sure >= low) & (sure < high)
        assert (best == truth)[part].mean() == pytest.approx(sure[part].mean(), abs=0.05)


def test_somebody_who_confuses_two_classes_always_is_seen_through():
    rng = np.random.default_rng(0)
    truth, labels = labelled(rng, right=(0.9, 0.9, 0.9), share=1.0)
    swapped = np.array([1, 0, 2, 3])
    labels[:, 2] = swapped[labels[:, 2]]
    found = judge_annotators(labels, 4, rng=rng)
    assert found.confusion[2, 0, 1] > 0.8
    assert found.accuracy[2].high < 0.6
    assert (found.posterior.argmax(axis=1) == truth).mean() > 0.93


def test_agreement_is_that_of_the_published_example():
    # Krippendorff (2011), nominal data of observers A to D: alpha = 0.743.
    rows = [
        [1, 1, -1, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4],
        [1, 1, 2, 1], [2, 2, 2, 2], [-1, 5, 5, 5], [-1, -1, 1, 1], [-1, -1, 3, -1],
    ]  # fmt: skip
    labels = np.array(rows * 20)
    found = judge_annotators(np.where(labels > 0, labels - 1, -1), 5, rng=np.random.default_rng(0))
    # Twenty copies change only the correction for small samples: 1 - (n - 1) / n * (1 - alpha) in its expected part.
    n = 40 * 20
    expected = 1.0 - (1.0 - 0.743) * (39 / 40) ** -1 * ((n - 1) / n)
    assert found.agreement.value == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((30, 2)), "whole numbers"),
        (np.zeros((5, 2), dtype=int), "20 rows"),
        (np.full((30, 2), 7), "labels from"),
        (np.column_stack([np.zeros(30, dtype=int), np.full(30, -1)]), "every annotator"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        judge_annotators(labels, 2, rng=np.random.default_rng(0))


def test_bad_probabilities_are_refused():
    labels = np.zeros((30, 2), dtype=int)
    with pytest.raises(ValueError, match="sum to one"):
        judge_annotators(labels, 2, rng=np.random.default_rng(0), prior=np.ones((30, 2)))


def test_annotators_who_always_agree_are_right():
    labels = np.repeat((np.arange(40) % 2)[:, None], 3, axis=1)
    found = judge_annotators(labels, 2, rng=np.random.default_rng(0))
    assert found.agreement.value == 1.0
    assert all(one.value > 0.99 for one in found.accuracy)
    # Forty right answers of forty leave open an accuracy of 0.912 (Clopper and Pearson).
    assert all(one.low < 0.9125 for one in found.accuracy)


def covered(repeats, with_model):
    rng = np.random.default_rng(1)
    hits = np.zeros(len(RIGHT))
    for _ in range(repeats):
        truth, labels = labelled(rng, n=800)
        prior = answers(rng, truth) if with_model else None
        found = judge_annotators(labels, 4, rng=rng, prior=prior).accuracy
        hits += [one.low <= right <= one.high for one, right in zip(found, RIGHT, strict=True)]
    return hits / repeats


@pytest.mark.slow
@pytest.mark.parametrize("with_model", [False, True])
def test_intervals_hold_as_often_as_they_say(with_model):
    # At 95 % fewer than 92 % of 400 happen with a chance below 5e-3.
    shares = covered(400, with_model)
    assert (shares > 0.92).all(), shares
    assert (shares < 0.99).all(), shares
