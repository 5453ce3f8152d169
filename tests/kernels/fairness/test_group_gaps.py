import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.fairness.group_gaps import largest_mean_gap, largest_rate_gap
from holdfast.kernels.stats.proportions import newcombe_difference

COUNTS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted), min_size=2, max_size=6).filter(
    lambda pairs: sum(n > 0 for _, n in pairs) > 1
)


def split(pairs):
    return [s for s, _ in pairs], [n for _, n in pairs]


def test_gap_of_two_groups_is_newcombes_upper_end_and_the_difference():
    gap = largest_rate_gap([40, 60], [100, 100])
    expected = newcombe_difference(60, 100, 40, 100)
    assert gap.estimate.value == pytest.approx(expected.value)
    assert gap.estimate.high == pytest.approx(expected.high)
    assert gap.estimate.low == pytest.approx(expected.low, abs=0.01)
    assert (gap.highest, gap.lowest) == (1, 0)


def test_gap_over_several_rates_is_that_of_the_rate_that_differs_most():
    gap = largest_rate_gap([[50, 50], [10, 40]], [[100, 100], [100, 100]])
    assert gap.rate == 1
    assert gap.estimate.value == pytest.approx(0.3)


def test_groups_without_trials_have_no_part():
    with_empty, without = largest_rate_gap([10, 0, 30], [50, 0, 50]), largest_rate_gap([10, 30], [50, 50])
    assert with_empty.estimate == without.estimate
    assert (with_empty.highest, with_empty.lowest) == (2, 0)


@pytest.mark.parametrize(("successes", "trials"), [([5], [10]), ([5, 0], [10, 0]), ([0, 0], [0, 0])])
def test_fewer_than_two_groups_have_no_gap(successes, trials):
    assert largest_rate_gap(successes, trials) is None


@settings(deadline=None)
@given(COUNTS)
def test_interval_holds_the_value_and_stays_in_range(pairs):
    estimate = largest_rate_gap(*split(pairs)).estimate
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


@settings(deadline=None)
@given(COUNTS, st.randoms())
def test_order_of_groups_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert largest_rate_gap(*split(shuffled)).estimate == pytest.approx(largest_rate_gap(*split(pairs)).estimate)


@settings(deadline=None)
@given(COUNTS)
def test_counting_failures_instead_gives_the_same_gap(pairs):
    s, n = split(pairs)
    failures = [trials - successes for successes, trials in pairs]
    assert largest_rate_gap(failures, n).estimate == pytest.approx(largest_rate_gap(s, n).estimate)


@settings(deadline=None)
@given(COUNTS)
def test_another_group_never_lowers_the_upper_end(pairs):
    s, n = split(pairs)
    assert largest_rate_gap([*s, 3], [*n, 9]).estimate.high >= largest_rate_gap(s, n).estimate.high


@pytest.mark.parametrize(
    ("successes", "trials"), [([5, 11], [10, 10]), ([-1, 2], [5, 5]), ([1.5, 2], [5, 5]), ([1, 2, 3], [5, 5])]
)
def test_counts_that_are_none_are_refused(successes, trials):
    with pytest.raises(ValueError, match="expected"):
        largest_rate_gap(successes, trials)


@pytest.mark.parametrize(
    ("means", "variances", "sizes"),
    [([np.nan, 1.0], [1, 1], [5, 5]), ([0.0, 1.0], [-1, 1], [5, 5]), ([0.0, 1.0], [1, 1], [5])],
)
def test_means_that_are_none_are_refused(means, variances, sizes):
    with pytest.raises(ValueError, match="expected"):
        largest_mean_gap(means, variances, sizes)


def test_mean_of_a_group_with_one_row_is_not_used():
    gap = largest_mean_gap([0.0, 1.0, np.nan], [1.0, 1.0, np.nan], [50, 50, 1])
    assert gap.estimate.value == 1.0
    assert largest_mean_gap([0.0, 1.0], [1.0, np.nan], [50, 1]) is None


def test_mean_gap_of_two_groups_is_welchs_interval():
    gap = largest_mean_gap([1.0, 3.0], [1.0, 4.0], [20, 30])
    half = 2.017692 * np.sqrt(1 / 20 + 4 / 30)  # t quantile at 44.95 degrees of freedom is 2.0141
    assert gap.estimate.high == pytest.approx(3.0 - 1.0 + half, abs=0.01)
    assert gap.estimate.low == pytest.approx(3.0 - 1.0 - half, abs=0.01)


def test_groups_without_spread_have_no_width():
    assert largest_mean_gap([1.0, 3.0], [0.0, 0.0], [20, 30]).estimate == (2.0, 2.0, 2.0)


def test_value_agrees_with_fairlearn():
    fairness = pytest.importorskip("fairlearn.metrics")
    rng = np.random.default_rng(0)
    group = rng.integers(4, size=2000)
    y, predicted = rng.integers(2, size=2000), rng.integers(2, size=2000)
    trials = np.bincount(group)
    ours = largest_rate_gap(np.bincount(group, weights=predicted), trials).estimate.value
    theirs = fairness.demographic_parity_difference(y, predicted, sensitive_features=group)
    assert ours == pytest.approx(theirs)
    positives = [np.bincount(group, weights=y == label) for label in (1, 0)]
    hits = [np.bincount(group, weights=(y == label) & (predicted == 1)) for label in (1, 0)]
    theirs = fairness.equalized_odds_difference(y, predicted, sensitive_features=group)
    assert largest_rate_gap(hits, positives).estimate.value == pytest.approx(theirs)


CASES = {
    "two equal": ([0.3, 0.3], [500, 500]),
    "two rare and unequal in size": ([0.02, 0.02], [2000, 100]),
    "five equal": ([0.3] * 5, [4000, 1500, 500, 200, 60]),
    "ten equal and small": ([0.2] * 10, [50] * 10),
    "ten equal and rare": ([0.02] * 10, [5000, *[30] * 9]),
    "two apart": ([0.3, 0.2], [500, 300]),
    "five apart": ([0.3, 0.3, 0.28, 0.25, 0.1], [4000, 1500, 500, 200, 60]),
    "one of ten apart": ([*[0.2] * 9, 0.35], [300] * 10),
}


def coverage(case, repeats):
    rng = np.random.default_rng(0)
    p, n = (np.array(part) for part in CASES[case])
    truth = p.max() - p.min()
    estimates = [largest_rate_gap(rng.binomial(n, p), n).estimate for _ in range(repeats)]
    return np.mean([e.low <= truth + 1e-12 and truth <= e.high + 1e-12 for e in estimates])


@pytest.mark.parametrize("case", CASES)
def test_interval_contains_the_true_gap(case):
    assert coverage(case, 200) > 0.88


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_interval_contains_the_true_gap_95_percent(case):
    # Three standard errors of 3,000 repeats below nominal.
    assert coverage(case, 3000) > 0.938


@pytest.mark.slow
def test_mean_interval_contains_the_true_gap_95_percent():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(1500):
        groups = [rng.exponential(size=size) for size in (30, 30, 60, 100)]
        estimate = largest_mean_gap(
            [g.mean() for g in groups], [g.var(ddof=1) for g in groups], [g.size for g in groups]
        )
        hits += estimate.estimate.low <= 0.0
    assert hits / 1500 > 0.933
