import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from holdfast.kernels.performance.regression import mae_interval, r2_interval, rmse_interval, skill_interval


def draw(seed=0, n=200, noise=0.5):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return y, y + noise * rng.normal(size=n)


def options(n_resamples=200):
    return {"rng": np.random.default_rng(0), "n_resamples": n_resamples}


def test_values_agree_with_scikit_learn():
    y, predicted = draw()
    assert r2_interval(y, predicted, **options()).value == pytest.approx(r2_score(y, predicted))
    assert mae_interval(y, predicted, **options()).value == pytest.approx(mean_absolute_error(y, predicted))
    assert rmse_interval(y, predicted, **options()).value == pytest.approx(root_mean_squared_error(y, predicted))


def test_skill_against_the_mean_is_r2():
    y, predicted = draw()
    skill = skill_interval((y - predicted) ** 2, (y - y.mean()) ** 2, **options())
    assert skill.value == pytest.approx(r2_score(y, predicted))


def test_a_model_as_good_as_its_baseline_has_no_skill():
    losses = np.arange(1.0, 50.0)
    assert skill_interval(losses, losses, **options()) == pytest.approx((0.0, 0.0, 0.0))


def test_no_errors_are_full_skill():
    assert r2_interval([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], **options()).value == 1.0


@settings(deadline=None)
@given(st.floats(0.01, 1e6), st.floats(-1e6, 1e6))
def test_r2_does_not_depend_on_scale_or_origin(scale, origin):
    y, predicted = draw(n=40)
    moved = r2_interval(origin + scale * y, origin + scale * predicted, **options(50))
    assert moved == pytest.approx(r2_interval(y, predicted, **options(50)), rel=1e-4, abs=1e-4)


def test_a_far_origin_does_not_lose_the_digits():
    y, predicted = draw()
    moved = r2_interval(y + 1e9, predicted + 1e9, **options())
    assert moved.value == pytest.approx(r2_score(y, predicted), abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_interval_holds_the_value(seed):
    y, predicted = draw(seed, n=30)
    for function in (r2_interval, mae_interval, rmse_interval):
        estimate = function(y, predicted, **options())
        assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("y", [[], [1.0], [2.0, 2.0, 2.0, 2.0]])
def test_r2_does_not_exist_without_variation(y):
    estimate = r2_interval(y, y, **options())
    assert np.isnan(estimate.value)
    assert estimate[1:] == (-np.inf, 1.0)


@pytest.mark.parametrize("function", [mae_interval, rmse_interval])
def test_error_does_not_exist_with_one_row(function):
    assert np.isnan(function([1.0], [2.0], **options()).value)


def test_skill_does_not_exist_against_a_baseline_without_errors():
    assert np.isnan(skill_interval([1.0] * 5, [0.0] * 5, **options()).value)


@pytest.mark.parametrize("function", [r2_interval, mae_interval, rmse_interval, skill_interval])
def test_nan_is_refused(function):
    with pytest.raises(ValueError, match="finite"):
        function([1.0, np.nan, 2.0], [1.0, 2.0, 3.0], **options())


def coverage(n, repeats):
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(repeats):
        y = rng.normal(size=n)
        predicted = y + 0.5 * rng.normal(size=n)
        r2 = r2_interval(y, predicted, rng=rng, n_resamples=300)
        rmse = rmse_interval(y, predicted, rng=rng, n_resamples=300)
        hits += (r2.low <= 0.75 <= r2.high, rmse.low <= 0.5 <= rmse.high)
    return hits / repeats


def test_intervals_contain_the_truth():
    assert (coverage(150, 150) > 0.85).all()


@pytest.mark.slow
def test_intervals_contain_the_truth_95_percent():
    assert (coverage(200, 1500) > 0.92).all()
