import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.kernels.stats.sequences import (
    BettingConfidenceSequence,
    betting_confidence_sequence,
    empirical_bernstein_confidence_sequence,
)

VALUES = arrays(np.float64, st.integers(0, 80), elements=st.floats(0.0, 1.0))
KERNELS = [betting_confidence_sequence, empirical_bernstein_confidence_sequence]
both = pytest.mark.parametrize("kernel", KERNELS)


def _plain_bets(x: np.ndarray, alpha: float) -> list[float]:
    """Predictable plug-in bets, written as in the paper."""
    bets = []
    for t in range(1, x.size + 1):
        means = [(0.5 + x[:i].sum()) / (i + 1) for i in range(1, t)]
        variance = (0.25 + sum((x[i] - means[i]) ** 2 for i in range(t - 1))) / t
        bets.append(np.sqrt(2.0 * np.log(2.0 / alpha) / (variance * t * np.log(t + 1))))
    return bets


# Known answers


def test_first_bet_against_a_success() -> None:
    # At 50 % the bet is min(4, 1 / (2 m)). It multiplies the capital by 1 + 1 / (2 m) - 1 / 2, that is 4 at m = 1 / 7.
    low = betting_confidence_sequence([1.0], level=0.5, n_grid=100_000).low[0]
    assert 1 / 7 - np.pi / 200_000 <= low <= 1 / 7


def test_successes_only_close_the_upper_end() -> None:
    _, low, high = betting_confidence_sequence(np.ones(500))
    assert (high == 1.0).all()
    assert low[-1] > 0.98


# Reference


@pytest.mark.parametrize("running_intersection", [True, False])
def test_betting_agrees_with_the_plain_recursion(running_intersection: bool) -> None:
    x = np.random.default_rng(0).beta(2.0, 5.0, 60)
    grid = np.sin(np.linspace(0.0, np.pi / 2.0, 201)) ** 2
    wealth_low, wealth_high = np.ones(199), np.ones(199)
    m, low, high = grid[1:-1], [], []
    for value, bet in zip(x, _plain_bets(x, 0.1), strict=True):
        wealth_low = wealth_low * (1.0 + np.minimum(bet, 0.5 / m) * (value - m))
        wealth_high = wealth_high * (1.0 - np.minimum(bet, 0.5 / (1.0 - m)) * (value - m))
        low.append(max([0.0, *m[wealth_low / 2.0 >= 10.0]]))
        high.append(min([1.0, *m[wealth_high / 2.0 >= 10.0]]))
    if running_intersection:
        low, high = np.maximum.accumulate(low), np.minimum.accumulate(high)
    estimate = betting_confidence_sequence(
        x, level=0.9, n_grid=200, truncation=0.5, running_intersection=running_intersection
    )
    np.testing.assert_allclose(estimate.low, low, atol=1e-12)
    np.testing.assert_allclose(estimate.high, high, atol=1e-12)
    assert low[-1] > 0.0


def test_empirical_bernstein_agrees_with_the_plain_recursion() -> None:
    x = np.random.default_rng(1).beta(2.0, 5.0, 60)
    bets = np.minimum(_plain_bets(x, 0.05), 0.5)
    loss = 0.0
    for t in range(60):
        past = (0.5 + x[:t].sum()) / (t + 1)
        loss += 4.0 * (x[t] - past) ** 2 * (-np.log(1.0 - bets[t]) - bets[t]) / 4.0
    centre, half = (bets @ x) / bets.sum(), (np.log(40.0) + loss) / bets.sum()
    estimate = empirical_bernstein_confidence_sequence(x, running_intersection=False)
    np.testing.assert_allclose((estimate.low[-1], estimate.high[-1]), (centre - half, centre + half), rtol=1e-9)


# Properties


@both
@given(x=VALUES, level=st.floats(0.5, 0.999))
@settings(max_examples=40, deadline=None)
def test_ends_stay_in_range_and_never_widen(kernel, x: np.ndarray, level: float) -> None:
    estimate = kernel(x, level=level)
    assert all(field.shape == x.shape for field in estimate)
    assert (np.diff(estimate.low) >= 0).all()
    assert (np.diff(estimate.high) <= 0).all()
    assert ((estimate.low >= 0.0) & (estimate.high <= 1.0)).all()


@both
@given(x=VALUES)
@settings(max_examples=40, deadline=None)
def test_reflecting_the_values_mirrors_the_interval(kernel, x: np.ndarray) -> None:
    # Values of few digits, so that 1 - x is exact and no candidate sits on the threshold by rounding alone.
    x = np.round(x * 1024.0) / 1024.0
    estimate, mirrored = kernel(x), kernel(1.0 - x)
    tolerance = 2e-3 if kernel is betting_confidence_sequence else 1e-9
    np.testing.assert_allclose(mirrored.low, 1.0 - estimate.high, atol=tolerance)
    np.testing.assert_allclose(mirrored.high, 1.0 - estimate.low, atol=tolerance)


@both
@given(x=VALUES.filter(lambda x: x.size > 0))
@settings(max_examples=40, deadline=None)
def test_intersection_is_the_running_extreme_of_the_plain_ends(kernel, x: np.ndarray) -> None:
    plain, running = kernel(x, running_intersection=False), kernel(x)
    if (running.low < running.high).all():
        np.testing.assert_allclose(running.low, np.maximum.accumulate(plain.low), atol=1e-12)
        np.testing.assert_allclose(running.high, np.minimum.accumulate(plain.high), atol=1e-12)


@both
def test_the_future_does_not_change_the_past(kernel) -> None:
    x = np.random.default_rng(2).random(700)
    whole, start = kernel(x), kernel(x[:300])
    np.testing.assert_array_equal(whole.low[:300], start.low)
    np.testing.assert_array_equal(whole.high[:300], start.high)


def test_finer_grid_only_narrows() -> None:
    x = np.random.default_rng(3).random(400)
    coarse, fine = (betting_confidence_sequence(x, n_grid=n) for n in (100, 800))
    assert (fine.low >= coarse.low).all()
    assert (fine.high <= coarse.high).all()
    assert (fine.low - coarse.low).max() <= np.pi / 200


@given(x=VALUES, cuts=st.lists(st.integers(0, 80), max_size=4))
@settings(max_examples=40, deadline=None)
def test_stream_equals_batch_however_it_is_cut_and_stored(x: np.ndarray, cuts: list[int]) -> None:
    whole = betting_confidence_sequence(x)
    sequence = BettingConfidenceSequence()
    ends = [np.empty((2, 0))]
    for part in np.split(x, sorted(cuts)):
        sequence = BettingConfidenceSequence.from_state(json.loads(json.dumps(sequence.state())))
        ends.append(np.array(sequence.update(part)))
    low, high = np.concatenate(ends, axis=1)
    np.testing.assert_array_equal(low, whole.low)
    np.testing.assert_array_equal(high, whole.high)
    assert sequence.n == x.size
    if x.size:
        assert (sequence.low, sequence.high) == (low[-1], high[-1])
        assert sequence.value == pytest.approx(x.mean(), abs=1e-12)


# Coverage at all times: with the running intersection the last interval misses if any did.

POPULATIONS = {
    "rare": (lambda rng, n: (rng.random(n) < 0.05).astype(float), 0.05),
    "even": (lambda rng, n: (rng.random(n) < 0.5).astype(float), 0.5),
    "uniform": (lambda rng, n: rng.random(n), 0.5),
    "skewed": (lambda rng, n: rng.beta(1.0, 9.0, n), 0.1),
}


def _misses(kernel, population: str, *, n_rows: int, n_runs: int) -> int:
    draw, truth = POPULATIONS[population]
    rng = np.random.default_rng(5)
    ends = np.array([[e.low[-1], e.high[-1]] for e in (kernel(draw(rng, n_rows)) for _ in range(n_runs))])
    return int((~((ends[:, 0] <= truth) & (truth <= ends[:, 1]))).sum())


@both
@pytest.mark.parametrize("population", POPULATIONS)
def test_all_intervals_together_cover_at_least_at_level(kernel, population: str) -> None:
    assert _misses(kernel, population, n_rows=400, n_runs=150) <= binom.isf(1e-6, 150, 0.05)


@pytest.mark.slow
@both
@pytest.mark.parametrize("population", POPULATIONS)
def test_all_intervals_together_cover_at_least_at_level_for_long(kernel, population: str) -> None:
    assert _misses(kernel, population, n_rows=3000, n_runs=500) <= binom.isf(1e-6, 500, 0.05)


def test_looking_at_every_step_breaks_an_interval_for_one_look() -> None:
    """What sequences are for: Clopper-Pearson intervals, each valid, together miss far more often."""
    x = np.random.default_rng(6).random((200, 400)) < 0.5
    estimate = clopper_pearson(np.cumsum(x, axis=1), np.arange(1, 401))
    assert ((estimate.low > 0.5) | (estimate.high < 0.5)).any(axis=1).mean() > 0.1


# Edges


def test_stream_knows_nothing_at_first() -> None:
    sequence = BettingConfidenceSequence()
    assert np.isnan(sequence.value)
    assert (sequence.n, sequence.low, sequence.high) == (0, 0.0, 1.0)


def test_drifting_values_are_told_by_crossed_ends() -> None:
    sequence = BettingConfidenceSequence()
    sequence.update(np.repeat([0.0, 1.0], 2000))
    assert sequence.low >= sequence.high
    sequence.update([0.5])
    assert sequence.low >= sequence.high


@both
def test_float32_and_booleans_are_values(kernel) -> None:
    x = np.tile([0, 1, 1], 30)
    for dtype in (np.float32, np.bool_):
        np.testing.assert_array_equal(kernel(x.astype(dtype)).low, kernel(x).low)


def test_many_values_take_little_time_and_memory() -> None:
    sequence = BettingConfidenceSequence()
    start = time.perf_counter()
    sequence.update(np.random.default_rng(7).random(100_000) < 0.01)
    assert time.perf_counter() - start < 5.0
    assert 0.008 < sequence.low < 0.01 < sequence.high < 0.012
    assert len(sequence.state()["log_wealth_low"]) < 50


@both
@pytest.mark.parametrize(
    ("x", "message"), [([0.5, np.nan], r"values\[1\]=nan"), ([1.5], "values with 1.5"), ([-0.1], "rescale")]
)
def test_values_outside_the_unit_interval_are_refused(kernel, x: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel(x)


@both
@pytest.mark.parametrize("truncation", [0.0, 1.0])
def test_bets_of_nothing_or_everything_are_refused(kernel, truncation: float) -> None:
    with pytest.raises(ValueError, match="truncation="):
        kernel([0.5], truncation=truncation)


def test_grid_without_candidates_is_refused() -> None:
    with pytest.raises(ValueError, match="n_grid=1"):
        BettingConfidenceSequence(n_grid=1)
