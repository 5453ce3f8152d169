import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from holdfast.kernels.performance.calibration import (
    brier_decomposition,
    calibration_in_the_large,
    expected_calibration_error,
    reliability_curve,
)

CASES = st.integers(2, 60).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=st.floats(0, 1)), arrays(np.bool_, n))
)
TRUE_SHARES = {
    "calibrated": lambda p: p,
    "too high": lambda p: p - 0.2 * p,
    "overconfident": lambda p: 0.5 + 0.7 * (p - 0.5),
    "wavy": lambda p: np.clip(p + 0.08 * np.sign(np.sin(25 * p)), 0, 1),
    "one part off": lambda p: np.where(p > 0.93, p - 0.5, p),
}


def draw(rng, n, true_share):
    p = rng.random(n)
    return p, true_share(p), rng.random(n) < true_share(p)


def true_gaps(p, share, n_bins=15):
    """Weight and true gap of each bin, by the definition of bins of equal size."""
    edges = np.sort(p)[np.ceil(np.arange(1, n_bins) * p.size / n_bins).astype(int) - 1]
    bins = np.searchsorted(edges, p, side="left")
    n = np.bincount(bins, minlength=n_bins)
    return n / p.size, np.bincount(bins, weights=p - share, minlength=n_bins) / n


def test_constant_scores_have_one_bin():
    curve = reliability_curve(np.full(100, 0.3), np.arange(100) < 50)
    assert curve.n.tolist() == [100]
    assert curve.observed.tolist() == [0.5]


def test_error_of_one_bin_is_the_distance_from_the_observed_share():
    estimate = expected_calibration_error(np.full(10_000, 0.3), np.arange(10_000) < 5000)
    assert estimate.value == pytest.approx(0.2, abs=1e-6)
    assert 0.18 < estimate.low < 0.2 < estimate.high < 0.22


def test_curve_agrees_with_scikit_learn_on_distinct_scores():
    p, _, y = draw(np.random.default_rng(0), 1500, TRUE_SHARES["overconfident"])
    observed, mean_score = calibration_curve(y, p, n_bins=10, strategy="quantile")
    curve = reliability_curve(p, y, n_bins=10)
    # Quantiles between two scores and at a score put single rows into neighbouring bins.
    np.testing.assert_allclose(curve.mean_score, mean_score, atol=2e-3)
    np.testing.assert_allclose(curve.observed, observed, atol=1e-2)


def test_brier_score_agrees_with_scikit_learn():
    p, _, y = draw(np.random.default_rng(0), 500, TRUE_SHARES["wavy"])
    assert brier_decomposition(p, y).brier.value == pytest.approx(brier_score_loss(y, p))


def test_equal_scores_share_a_bin():
    curve = reliability_curve(np.repeat([0.2, 0.2, 0.9], 50), np.zeros(150), n_bins=3)
    assert curve.n.tolist() == [100, 50]


@settings(deadline=None)
@given(CASES)
def test_parts_of_the_brier_score_add_up(case):
    parts = brier_decomposition(*case)
    total = parts.reliability.value - parts.resolution.value + parts.uncertainty.value
    assert total == pytest.approx(parts.brier.value, abs=1e-12)


@settings(deadline=None)
@given(CASES)
def test_estimates_lie_inside_their_intervals(case):
    for estimate in (*brier_decomposition(*case), expected_calibration_error(*case), calibration_in_the_large(*case)):
        assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


@settings(deadline=None)
@given(CASES)
def test_error_lies_between_zero_and_one(case):
    estimate = expected_calibration_error(*case)
    assert 0.0 <= estimate.low <= estimate.high <= 1.0


@settings(deadline=None)
@given(CASES, st.randoms())
def test_row_order_does_not_matter(case, random):
    order = list(range(case[0].size))
    random.shuffle(order)
    shuffled = expected_calibration_error(case[0][order], case[1][order])
    assert shuffled == pytest.approx(expected_calibration_error(*case), abs=1e-9)


def test_scores_in_float32_are_accepted():
    p, _, y = draw(np.random.default_rng(0), 500, TRUE_SHARES["calibrated"])
    wide, narrow = expected_calibration_error(p, y), expected_calibration_error(p.astype(np.float32), y)
    assert narrow.value == pytest.approx(wide.value, abs=1e-3)


def test_level_widens_the_interval():
    p, _, y = draw(np.random.default_rng(0), 500, TRUE_SHARES["too high"])
    narrow, wide = (expected_calibration_error(p, y, level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_sign_in_the_large_says_too_much_or_too_little():
    y = np.arange(1000) < 300
    assert calibration_in_the_large(np.full(1000, 0.5), y).low > 0.15
    assert calibration_in_the_large(np.full(1000, 0.1), y).high < -0.15


def test_one_outcome_only_leaves_room_for_the_other():
    estimate = calibration_in_the_large(np.full(30, 0.05), np.zeros(30))
    assert estimate.value == pytest.approx(0.05)
    assert estimate.low < 0.0 < estimate.value


def test_a_certain_model_without_errors_is_not_certain():
    y = np.arange(40) < 20
    estimate = expected_calibration_error(y.astype(float), y)
    assert estimate.value == pytest.approx(0.0, abs=1e-12)
    assert estimate.high > 0.02


@pytest.mark.parametrize("function", [expected_calibration_error, calibration_in_the_large])
def test_no_rows_give_nan_and_the_whole_range(function):
    estimate = function([], [])
    assert np.isnan(estimate.value)
    assert estimate.high == 1.0


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_have_no_decomposition(n):
    parts = brier_decomposition(np.full(n, 0.5), np.ones(n))
    assert np.isnan(parts.reliability.value)


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([np.nan], [1]),
        ([1.5], [1]),
        ([-0.1], [1]),
        ([0.5], [2]),
        ([0.5, 0.5], [1]),
        ([[0.5]], [[1]]),
        ([0.5], [np.nan]),
    ],
)
@pytest.mark.parametrize(
    "function", [expected_calibration_error, brier_decomposition, calibration_in_the_large, reliability_curve]
)
def test_bad_input_is_refused(function, p, y):
    with pytest.raises(ValueError, match="expected"):
        function(p, y)


def simulate(name, n, repeats, seed=0):
    """Share of intervals that hold the true error, and of lower ends above 0; mean estimate and mean truth."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(repeats):
        p, share, y = draw(rng, n, TRUE_SHARES[name])
        weight, gap = true_gaps(p, share)
        error, parts = expected_calibration_error(p, y), brier_decomposition(p, y)
        truth = float(weight @ np.abs(gap))
        squared = float(weight @ gap**2)
        rows.append(
            (
                error.low - 1e-9 <= truth <= error.high + 1e-9,
                parts.reliability.low - 1e-9 <= squared <= parts.reliability.high + 1e-9,
                error.low > 0.0,
                error.value,
                truth,
                parts.reliability.value - squared,
            )
        )
    return np.mean(rows, axis=0)


def test_a_calibrated_model_is_seldom_accused():
    _, _, accused, estimate, _, _ = simulate("calibrated", 500, 200)
    assert accused <= 0.05
    # The plain error is about 0.055 here.
    assert estimate < 0.025


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE_SHARES)
@pytest.mark.parametrize("n", [200, 1000, 8000])
def test_intervals_contain_the_truth_95_percent(name, n):
    error, reliability, *_ = simulate(name, n, 600)
    # Three standard errors of 600 repeats below nominal.
    assert error > 0.924
    assert reliability > 0.924


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE_SHARES)
def test_reliability_is_unbiased(name):
    *_, bias = simulate(name, 300, 1500)
    assert abs(bias) < 1e-3


@pytest.mark.slow
def test_an_overconfident_model_is_found_in_a_thousand_rows():
    assert simulate("overconfident", 1000, 200)[2] > 0.95


@pytest.mark.slow
def test_resolution_interval_contains_the_truth():
    rng = np.random.default_rng(0)
    # With calibrated scores the resolution is their variance, here 1/12, as far as reliability within bins is zero.
    hits = 0
    for _ in range(1000):
        p, _, y = draw(rng, 500, TRUE_SHARES["calibrated"])
        estimate = brier_decomposition(p, y).resolution
        hits += estimate.low <= 1 / 12 <= estimate.high
    assert 0.925 < hits / 1000 < 0.98
