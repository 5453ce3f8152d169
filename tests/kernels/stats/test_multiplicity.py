import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, norm
from statsmodels.stats.multitest import multipletests

from holdfast.kernels.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, e_bh, holm

ADJUSTMENTS = {"holm": holm, "fdr_bh": benjamini_hochberg, "fdr_by": benjamini_yekutieli}
P_VALUES = arrays(np.float64, st.integers(0, 30), elements=st.floats(0.0, 1.0))

every_adjustment = pytest.mark.parametrize("adjust", ADJUSTMENTS.values(), ids=ADJUSTMENTS.keys())


# Known answers


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_by_hand() -> None:
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.04, 0.03, 0.005]), [0.02, 0.04, 0.04, 0.02])


def test_benjamini_yekutieli_by_hand() -> None:
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    expected = harmonic * np.array([0.02, 0.04, 0.04, 0.02])
    np.testing.assert_allclose(benjamini_yekutieli([0.01, 0.04, 0.03, 0.005]), expected)


def test_e_bh_takes_the_largest_k_that_passes() -> None:
    # Thresholds 4/(k 0.1) are 40, 20, 13.3, 10: the first fails, the third passes.
    np.testing.assert_array_equal(e_bh([30.0, 15.0, 1.0, 19.0], alpha=0.1), [True, True, False, True])


# Reference


@pytest.mark.parametrize("method", ADJUSTMENTS)
@pytest.mark.parametrize("n_tests", [1, 7, 200])
def test_agrees_with_statsmodels(method: str, n_tests: int) -> None:
    p = np.random.default_rng(n_tests).beta(0.3, 1.0, n_tests).round(2)  # with ties
    np.testing.assert_allclose(ADJUSTMENTS[method](p), multipletests(p, method=method)[1], rtol=1e-12)


# Properties


@every_adjustment
@given(p=P_VALUES)
def test_adjusted_values_grow_and_stay_p_values(adjust, p: np.ndarray) -> None:
    adjusted = adjust(p)
    assert (adjusted >= p * (1 - 1e-12)).all()
    assert (adjusted <= 1.0).all()


@every_adjustment
@given(p=P_VALUES, random=st.randoms())
def test_each_adjusted_value_moves_with_its_test(adjust, p: np.ndarray, random) -> None:
    order = np.array(random.sample(range(p.size), p.size), dtype=int)
    np.testing.assert_array_equal(adjust(p[order]), adjust(p)[order])


@every_adjustment
@given(p=P_VALUES)
def test_order_of_p_values_is_kept(adjust, p: np.ndarray) -> None:
    order = np.argsort(p)
    assert (np.diff(adjust(p)[order]) >= 0).all()


@given(p=P_VALUES)
def test_control_of_fewer_errors_adjusts_less(p: np.ndarray) -> None:
    assert (benjamini_hochberg(p) <= holm(p) * (1 + 1e-12)).all()
    assert (benjamini_hochberg(p) <= benjamini_yekutieli(p) * (1 + 1e-12)).all()


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(1e-6, 1.0)), st.floats(0.01, 0.5))
def test_e_bh_of_inverse_p_values_is_benjamini_hochberg(p: np.ndarray, alpha: float) -> None:
    adjusted = benjamini_hochberg(p)
    is_clear = np.abs(adjusted - alpha) > 1e-9  # rounding decides ties with the threshold
    np.testing.assert_array_equal(e_bh(1.0 / p, alpha=alpha)[is_clear], (adjusted <= alpha)[is_clear])


# Error rates


@every_adjustment
def test_any_false_rejection_is_as_rare_as_promised_if_all_hypotheses_hold(adjust) -> None:
    p = np.random.default_rng(0).random((2000, 20))
    false_alarms = sum(bool((adjust(row) <= 0.05).any()) for row in p)
    assert false_alarms <= binom.isf(1e-9, 2000, 0.05)


def test_e_bh_keeps_its_false_discovery_rate() -> None:
    rng = np.random.default_rng(1)
    is_null = np.arange(20) < 10
    shift = 3.0
    x = rng.normal(size=(2000, 20)) + np.where(is_null, 0.0, shift)
    rejected = np.array([e_bh(row, alpha=0.2) for row in norm.pdf(x - shift) / norm.pdf(x)])
    proportion = (rejected & is_null).sum(axis=1) / np.maximum(rejected.sum(axis=1), 1)
    # Expected at most 0.2 * 10 / 20; Hoeffding: exceeds that by 0.072 with probability below 1e-9.
    assert proportion.mean() <= 0.1 + 0.072
    assert rejected[:, ~is_null].mean() > 0.2


# Edges


@every_adjustment
def test_no_tests_give_nothing(adjust) -> None:
    assert adjust([]).shape == (0,)


def test_e_bh_of_nothing_and_of_no_evidence_rejects_nothing() -> None:
    assert e_bh([], alpha=0.1).shape == (0,)
    assert not e_bh([0.0, 1.0], alpha=0.1).any()


def test_e_bh_takes_infinite_evidence() -> None:
    np.testing.assert_array_equal(e_bh([np.inf, 1.0], alpha=0.1), [True, False])


@every_adjustment
def test_one_test_is_not_adjusted(adjust) -> None:
    assert adjust(np.array([0.25], dtype=np.float32)) == [0.25]


@every_adjustment
@pytest.mark.parametrize("p", [[0.5, np.nan], [-0.1], [1.1], [[0.5]]])
def test_invalid_p_values_are_refused(adjust, p: list[float]) -> None:
    with pytest.raises(ValueError, match="p_values"):
        adjust(p)


@pytest.mark.parametrize(("e", "alpha"), [([-1.0], 0.1), ([np.nan], 0.1), ([1.0], 0.0), ([1.0], 1.0)])
def test_invalid_e_values_are_refused(e: list[float], alpha: float) -> None:
    with pytest.raises(ValueError, match=r"e_values|alpha"):
        e_bh(e, alpha=alpha)
