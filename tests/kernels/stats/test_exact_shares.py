from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact as scipy_fisher_exact
from scipy.stats import hypergeom, norm

from holdfast.kernels.stats.exact_shares import exact_share_test, fisher_exact, share_changes


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_p_values_are_twice_the_smaller_tail(n: int, m: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p = float(exact_share_test([a], n, [b], m)[0])
    law = hypergeom(n + m, a + b, n)
    exact = min(2.0 * min(law.sf(a - 1), law.cdf(a)), 1.0)
    assert p == pytest.approx(exact, rel=1e-8) or (p == 1.0 and exact > 0.005)


def test_large_tables_keep_their_digits() -> None:
    n, a = 20_000_000, 10_000_000
    b = a + 15_000
    deviate = (b - a) / np.sqrt(n / 2.0)  # the hypergeometric law is normal to many digits here
    assert float(exact_share_test([a], n, [b], n)[0]) == pytest.approx(2.0 * norm.sf(deviate), rel=0.01)


def test_sides_may_change_places() -> None:
    first = exact_share_test([3, 90, 0], 500, [30, 60, 0], 700)
    assert np.array_equal(first, exact_share_test([30, 60, 0], 700, [3, 90, 0], 500))
    assert first[2] == 1.0


def test_an_empty_side_says_nothing() -> None:
    assert exact_share_test([0], 0, [5], 10).tolist() == [1.0]


@pytest.mark.parametrize(("a", "b"), [([-1], [0]), ([11], [0]), ([0, 1], [0])])
def test_impossible_counts_are_refused(a: list[int], b: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        exact_share_test(a, 10, b, 10)


def test_intervals_of_many_changes_are_wider() -> None:
    alone, among = (share_changes([50], 100, [80], 100, n_together=count) for count in (1, 1000))
    assert among.low[0] < alone.low[0] < alone.value[0] < alone.high[0] < among.high[0]


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.02, 0.02), (0.1, 0.3), (0.0, 0.01)])
def test_intervals_of_changes_cover(shares: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.binomial(300, shares[0], 5000), rng.binomial(80, shares[1], 5000)
    found = share_changes(a, 300, b, 80, level=0.95)
    truth = shares[1] - shares[0]
    assert ((found.low <= truth) & (truth <= found.high)).mean() >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "share"), [(50, 50, 0.2), (1000, 60, 0.05), (400, 4000, 0.5)])
def test_size_is_at_most_nominal(n: int, m: int, share: float) -> None:
    rng = np.random.default_rng(0)
    p = np.array([exact_share_test([rng.binomial(n, share)], n, [rng.binomial(m, share)], m)[0] for _ in range(20_000)])
    for alpha in (0.01, 0.001):
        assert (p <= alpha).mean() <= alpha + 4.0 * np.sqrt(alpha / p.size)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_fisher_equals_the_reference(n1: int, n2: int, data: st.DataObject) -> None:
    s1, s2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    reference = scipy_fisher_exact([[s1, n1 - s1], [s2, n2 - s2]]).pvalue
    assert fisher_exact(s1, n1, s2, n2) == pytest.approx(reference, rel=1e-9)


def test_fisher_holds_for_large_tables() -> None:
    reference = scipy_fisher_exact([[300, 2700], [900, 4100]]).pvalue
    assert fisher_exact(300, 3000, 900, 5000) == pytest.approx(reference, rel=1e-6)
