import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, multinomial, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar

from holdfast.kernels.stats.paired import mcnemar_exact, paired_mean_difference, paired_proportion_difference

TABLES = st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)).filter(lambda t: sum(t) > 0)


def _interval(table: tuple[int, int, int], level: float = 0.95):
    b01, b10, agree = table
    return paired_proportion_difference(b01, b10, b01 + b10 + agree, level=level)


# Known answers


def test_proportions_give_the_published_interval() -> None:
    """Airway hyper-responsiveness, Fagerland et al. (2014), Statistics in Medicine 33, 2850-2875."""
    estimate = paired_proportion_difference(7, 1, 21)
    np.testing.assert_allclose(np.round(estimate, 3), (-0.286, -0.517, -0.026))


def test_without_discordance_the_interval_has_its_closed_form() -> None:
    # (n d)^2 = z^2 n |d| (1 - |d|) gives |d| = z^2 / (n + z^2).
    z_squared = 3.841458820694124
    expected = z_squared / (50 + z_squared)
    np.testing.assert_allclose(
        paired_proportion_difference(0, 0, 50), (0.0, -expected, expected), rtol=1e-9, atol=1e-12
    )


def test_mcnemar_by_hand() -> None:
    np.testing.assert_allclose(mcnemar_exact([0, 1, 3, 0], [5, 7, 3, 0]), [2 / 32, 2 * 9 / 256, 1.0, 1.0])


def test_difference_is_first_minus_second() -> None:
    assert paired_mean_difference([3.0, 5.0], [1.0, 2.0]).value == 2.5
    assert paired_proportion_difference(0, 3, 10).value == 0.3


# Reference


def test_mean_agrees_with_scipy() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 25))
    reference = ttest_rel(a, b).confidence_interval(0.9)
    np.testing.assert_allclose(paired_mean_difference(a, b, level=0.9)[1:], (reference.low, reference.high), rtol=1e-12)


@pytest.mark.parametrize("table", [(7, 1, 13), (0, 4, 30), (12, 40, 100), (5, 5, 0)])
def test_ends_are_where_the_score_test_with_maximised_likelihood_rejects(table: tuple[int, int, int]) -> None:
    """Maximise the constrained likelihood numerically instead of with Tango's quadratic."""
    b01, b10, agree = table
    n = sum(table)
    for d in _interval(table)[1:]:

        def loss(p01: float, d: float = d) -> float:
            return -(b01 * np.log(p01) + b10 * np.log(p01 + d) + agree * np.log(1 - 2 * p01 - d))

        bounds = (max(0.0, -d) + 1e-12, (1.0 - d) / 2.0 - 1e-12)
        q = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        score = (b10 - b01 - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))
        assert abs(score) == pytest.approx(1.959964, abs=2e-4)


@pytest.mark.parametrize(("b01", "b10"), [(0, 1), (3, 12), (40, 40), (100, 150)])
def test_mcnemar_agrees_with_statsmodels_and_scipy(b01: int, b10: int) -> None:
    assert mcnemar_exact(b01, b10) == pytest.approx(mcnemar([[9, b01], [b10, 9]], exact=True).pvalue, rel=1e-9)
    assert mcnemar_exact(b01, b10) == pytest.approx(binomtest(b01, b01 + b10).pvalue, rel=1e-9)


# Properties


@given(TABLES, st.floats(0.5, 0.999))
def test_estimate_lies_inside_the_interval_inside_the_range(table: tuple[int, int, int], level: float) -> None:
    value, low, high = _interval(table, level)
    assert -1.0 <= low <= value <= high <= 1.0


@given(TABLES)
def test_swapping_the_two_mirrors_the_interval(table: tuple[int, int, int]) -> None:
    b01, b10, agree = table
    value, low, high = _interval(table)
    np.testing.assert_allclose(_interval((b10, b01, agree)), (-value, -high, -low), atol=1e-9)
    assert mcnemar_exact(b01, b10) == mcnemar_exact(b10, b01)


@given(TABLES)
def test_higher_level_widens(table: tuple[int, int, int]) -> None:
    narrow, wide = _interval(table, 0.8), _interval(table, 0.95)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=30))
def test_a_common_shift_of_both_does_not_matter(rows: list[tuple[int, int]]) -> None:
    a, b = np.array(rows, dtype=float).T
    np.testing.assert_allclose(paired_mean_difference(a + 7.0, b + 7.0), paired_mean_difference(a, b))


# Coverage and size, computed exactly by summing over all tables


@pytest.mark.parametrize("n", [10, 25, 50])
def test_proportion_interval_covers_near_level(n: int) -> None:
    b01, b10 = np.divmod(np.arange((n + 1) ** 2), n + 1)
    possible = b01 + b10 <= n
    b01, b10 = b01[possible], b10[possible]
    estimate = paired_proportion_difference(b01, b10, n)
    tables = np.stack([b01, b10, n - b01 - b10], axis=1)
    coverage = []
    for p in np.random.default_rng(0).dirichlet((1.0, 1.0, 2.0), 200):
        covers = (estimate.low <= p[1] - p[0]) & (p[1] - p[0] <= estimate.high)
        coverage.append(multinomial.pmf(tables, n, p) @ covers)
    assert 0.945 <= np.mean(coverage) <= 0.975
    assert min(coverage) > 0.92


def test_mcnemar_rejects_equal_proportions_at_most_at_its_level() -> None:
    n = 30
    b01, b10 = np.divmod(np.arange((n + 1) ** 2), n + 1)
    possible = b01 + b10 <= n
    b01, b10 = b01[possible], b10[possible]
    rejects = mcnemar_exact(b01, b10) <= 0.05
    tables = np.stack([b01, b10, n - b01 - b10], axis=1)
    sizes = [multinomial.pmf(tables, n, (p, p, 1 - 2 * p)) @ rejects for p in np.linspace(0.01, 0.5, 50)]
    assert 0.02 < max(sizes) <= 0.05


# Edges


def test_no_cases_know_nothing() -> None:
    value, low, high = paired_proportion_difference(0, 0, 0)
    assert np.isnan(value)
    assert (low, high) == (-1.0, 1.0)
    assert np.isnan(paired_mean_difference([], []).value)


def test_all_cases_discordant_the_same_way() -> None:
    value, low, high = paired_proportion_difference(0, 8, 8)
    assert (value, high) == (1.0, 1.0)
    assert 0.3 < low < 0.9


def test_huge_tables_stay_accurate() -> None:
    n = 10**9
    value, low, high = paired_proportion_difference(n // 10, n // 10 + 1000, n)
    half = 1.959964 * np.sqrt(0.2 / n)
    np.testing.assert_allclose((low, high), (value - half, value + half), atol=1e-9)


def test_scalars_give_floats_and_arrays_broadcast() -> None:
    assert all(type(field) is float for field in paired_proportion_difference(1, 2, 9))
    assert type(mcnemar_exact(1, 2)) is float
    assert paired_proportion_difference([[1], [2]], [3, 4, 5], 20).low.shape == (2, 3)


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="b01=3, b10=3, n=5"):
        paired_proportion_difference(3, 3, 5)
    with pytest.raises(ValueError, match="b10 with nan"):
        mcnemar_exact(1, np.nan)
    with pytest.raises(ValueError, match="a with 1, b with 2"):
        paired_mean_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"b\[0\]=nan"):
        paired_mean_difference([1.0], [np.nan])
