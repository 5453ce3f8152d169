from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast.kernels.performance.corp import consistency_band, corp_decomposition, recalibrate, reliability_steps

Numbers = NDArray[np.float64]
CASES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]), st.booleans()), min_size=2, max_size=60)


def stated(kind: str, n: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return stated probabilities and the true ones."""
    p = rng.beta(1, 2, n)
    slope = {"calibrated": 1.0, "too sure": 0.5, "a little too sure": 0.85}.get(kind)
    if slope is None:
        return p, np.clip(p + 0.05, 0, 1)
    return p, 1 / (1 + np.exp(-slope * np.log(p / (1 - p))))


def test_violators_are_pooled() -> None:
    steps = reliability_steps([0.9, 0.1, 0.4, 0.6, 0.4], [1, 0, 1, 0, 1])
    assert steps.score.tolist() == [0.1, 0.4, 0.6, 0.9]
    assert steps.recalibrated.tolist() == pytest.approx([0, 2 / 3, 2 / 3, 1])
    assert steps.n.tolist() == [1, 2, 1, 1]


def test_fit_agrees_with_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(0)
    p, q = stated("too sure", 800, rng)
    y = (rng.random(800) < q).astype(float)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y)
    at = np.linspace(0, 1, 50)
    assert recalibrate(reliability_steps(p, y), at) == pytest.approx(theirs.predict(at))


@given(CASES)
def test_parts_add_up(cases: list[tuple[float, bool]]) -> None:
    p, y = map(np.array, zip(*cases, strict=True))
    parts = corp_decomposition(p, y, rng=np.random.default_rng(0))
    total = parts.miscalibration.value - parts.discrimination.value + parts.uncertainty
    assert total == pytest.approx(parts.brier, abs=1e-9)
    for part in (parts.miscalibration, parts.discrimination):
        assert 0.0 <= part.low <= part.value <= part.high <= 1.0


@given(CASES)
def test_recalibrated_scores_have_nothing_left_to_mend(cases: list[tuple[float, bool]]) -> None:
    p, y = map(np.array, zip(*cases, strict=True))
    again = recalibrate(reliability_steps(p, y), p)
    mended = corp_decomposition(again, y, rng=np.random.default_rng(0))
    assert mended.miscalibration.value == pytest.approx(0.0, abs=1e-9)
    first = corp_decomposition(p, y, rng=np.random.default_rng(0))
    assert mended.discrimination.value == pytest.approx(first.discrimination.value, abs=1e-9)


def test_a_model_that_says_the_base_rate_discriminates_nothing() -> None:
    parts = corp_decomposition(np.full(100, 0.3), np.arange(100) < 30, rng=np.random.default_rng(0))
    assert parts.discrimination.value == parts.discrimination.low == 0.0
    assert parts.miscalibration.value == pytest.approx(0.0)
    assert parts.uncertainty == pytest.approx(0.21)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_leave_everything_open(n: int) -> None:
    parts = corp_decomposition([0.3] * n, [True] * n, rng=np.random.default_rng(0))
    assert (parts.miscalibration.low, parts.miscalibration.high) == (0.0, 1.0)
    assert reliability_steps([], []).score.size == 0


def test_one_outcome_only_leaves_room_above() -> None:
    parts = corp_decomposition(np.full(20, 0.01), np.zeros(20), rng=np.random.default_rng(0))
    assert parts.miscalibration.high > 0.1


@pytest.mark.parametrize(("p", "y"), [([1.2], [1]), ([0.5], [2]), ([np.nan], [1]), ([0.5, 0.5], [1])])
def test_what_is_no_probability_or_outcome_is_refused(p: list[float], y: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        reliability_steps(p, y)


def covered(kind: str, n: int, repeats: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    p, q = stated(kind, 200_000, rng)
    truths, hits = (((p - q) ** 2).mean(), q.var()), np.zeros(2)
    for _ in range(repeats):
        p, q = stated(kind, n, rng)
        parts = corp_decomposition(p, rng.random(n) < q, rng=rng)
        found = (parts.miscalibration, parts.discrimination)
        hits += [part.low <= truth <= part.high for part, truth in zip(found, truths, strict=True)]
    return tuple(hits / repeats)


@pytest.mark.parametrize("kind", ["calibrated", "too sure"])
def test_intervals_contain_the_truth(kind: str) -> None:
    assert min(covered(kind, 500, 100)) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 2000])
@pytest.mark.parametrize("kind", ["calibrated", "too sure", "a little too sure", "too low"])
def test_intervals_contain_the_truth_95_percent(kind: str, n: int) -> None:
    assert min(covered(kind, n, 2000)) > 0.938


def test_curve_of_a_calibrated_model_lies_in_the_band_as_often_as_promised() -> None:
    rng, inside = np.random.default_rng(0), []
    p = np.random.default_rng(1).beta(1, 2, 1000)
    at = np.quantile(p, [0.1, 0.5, 0.9])
    low, high = consistency_band(p, at, rng=rng, n_resamples=1000)
    for _ in range(300):
        fitted = recalibrate(reliability_steps(p, rng.random(1000) < p), at)
        inside.append((low <= fitted) & (fitted <= high))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)
