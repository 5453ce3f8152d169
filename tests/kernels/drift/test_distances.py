from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from holdfast.kernels.drift.distances import coarse, jensen_shannon, psi, wasserstein

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12)


def test_psi_is_its_formula() -> None:
    found = psi([20, 80], [40, 60])
    assert found is not None
    assert found.value == pytest.approx(0.2 * math.log(2) + 0.2 * math.log(4 / 3))


def test_jensen_shannon_is_scipys_squared() -> None:
    found = jensen_shannon([20, 50, 30], [40, 20, 40])
    assert found is not None
    assert found.value == pytest.approx(jensenshannon([0.2, 0.5, 0.3], [0.4, 0.2, 0.4], base=2) ** 2)


def test_wasserstein_is_scipys_where_every_value_has_a_cell() -> None:
    x, y = np.array([1.0, 2, 2, 5]), np.array([2.0, 5, 5, 9])
    at = np.unique(np.concatenate([x, y]))
    sides = [np.bincount(np.searchsorted(at, side), minlength=at.size) for side in (x, y)]
    found = wasserstein(*sides, at, sds=(x.std(), y.std()))
    assert found is not None
    assert found.value == pytest.approx(stats.wasserstein_distance(x, y))


def test_an_empty_cell_on_one_side_leaves_psi_without_an_upper_end() -> None:
    found = psi([100, 0], [50, 50])
    assert found is not None
    assert found.high == math.inf
    assert found.low > 0.0


@given(COUNTS)
def test_estimates_lie_in_their_intervals(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    for found in (psi(a, b), jensen_shannon(a, b), wasserstein(a, b, np.arange(a.size), sds=(1.0, 1.0))):
        if not a.sum() or not b.sum():
            assert found is None
        else:
            assert found is not None
            assert 0.0 <= found.low <= found.value + 1e-12
            assert found.value <= found.high + 1e-12


@given(COUNTS, st.integers(1, 10))
def test_joining_cells_loses_no_row(pairs: list[tuple[int, int]], n_cells: int) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    joined = coarse(a, b, n_cells=n_cells)
    assert joined[0].size <= n_cells
    if a.sum():
        assert (joined[0].sum(), joined[1].sum()) == (a.sum(), b.sum())


def test_many_cells_are_joined_to_equal_shares() -> None:
    joined, _ = coarse(np.full(1000, 10), np.full(1000, 10))
    assert joined.tolist() == [1000] * 10


def test_numbers_without_an_end_have_no_distance() -> None:
    assert wasserstein([1, 1], [1, 1], [0.0, np.inf], sds=(1.0, 1.0)) is None


CASES = {"alike": 0.0, "near": 0.1, "apart": 0.5, "far": 1.5}


def covered(shift: float, n: int, m: int, repeats: int) -> list[float]:
    rng = np.random.default_rng(0)
    cuts = stats.norm.ppf(np.arange(1, 10) / 10)
    p, q = (np.diff(np.concatenate([[0], stats.norm.cdf(cuts - by), [1]])) for by in (0.0, shift))
    truths = ((p - q) @ np.log(p / q), jensenshannon(p, q, base=2) ** 2 if shift else 0.0, shift)
    hits = np.zeros(3)
    for _ in range(repeats):
        a, b = rng.multinomial(n, p), rng.multinomial(m, q)
        x, y = rng.normal(size=n), rng.normal(shift, 1, m)
        at = np.unique(np.concatenate([x, y]))
        sides = [np.bincount(np.searchsorted(at, side), minlength=at.size) for side in (x, y)]
        found = (psi(a, b), jensen_shannon(a, b), wasserstein(*sides, at, sds=(x.std(), y.std())))
        hits += [each.low - 1e-12 <= truth <= each.high + 1e-12 for each, truth in zip(found, truths, strict=True)]  # type: ignore[union-attr]
    return (hits / repeats).tolist()


@pytest.mark.parametrize("case", CASES)
def test_intervals_contain_the_truth(case: str) -> None:
    assert min(covered(CASES[case], 400, 300, 100)) > 0.87


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sizes", [(200, 200), (5000, 500)])
def test_intervals_contain_the_truth_95_percent(case: str, sizes: tuple[int, int]) -> None:
    assert min(covered(CASES[case], *sizes, 2000)) > 0.94
