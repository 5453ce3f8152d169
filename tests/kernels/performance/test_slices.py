from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.performance.slices import (
    Slice,
    distinct_slices,
    search_slices,
    slice_members,
)


def all_slices(codes, losses, min_size):
    """Score every slice of up to three columns, the slow way."""
    n, found = losses.size, []
    levels = [[(c, v) for v in range(codes[:, c].max(initial=-1) + 1)] for c in range(codes.shape[1])]
    for items in (items for k in (1, 2, 3) for chosen in combinations(levels, k) for items in product(*chosen)):
        rows = slice_members(codes, items)
        size = rows.sum()
        if min_size <= size < n:
            excess = losses[rows].sum() - size * losses.mean()
            score = excess / (losses.std() * np.sqrt(size * (1 - size / n)))
            if score > 0:
                found.append((score, items))
    return sorted(found, key=lambda entry: -entry[0])


@pytest.mark.parametrize("n_slices", [1, 5, 40])
@pytest.mark.parametrize("kind", ["wrong answers", "sizes of errors"])
@pytest.mark.parametrize("seed", range(5))
def test_search_finds_what_scoring_every_slice_finds(n_slices, kind, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 5, size=(300, 6))
    losses = (rng.random(300) < 0.2).astype(float) if kind == "wrong answers" else rng.exponential(size=300)
    found = search_slices(codes, losses, min_size=8, n_slices=n_slices)
    expected = all_slices(codes, losses, 8)[:n_slices]
    np.testing.assert_allclose([part.score for part in found], [score for score, _ in expected])
    for part in found:
        rows = slice_members(codes, part.items)
        assert part.n == rows.sum()
        assert part.total == pytest.approx(losses[rows].sum())


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 20))
def test_search_is_exact_on_any_small_table(seed, n_columns, min_size):
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, rng.integers(1, 5), size=(60, n_columns))
    losses = rng.choice([0.0, 0.0, 1.0, 3.0], size=60)
    found = search_slices(codes, losses, min_size=min_size, n_slices=7)
    expected = all_slices(codes, losses, min_size)[:7] if losses.any() else []
    np.testing.assert_allclose([part.score for part in found], [score for score, _ in expected], rtol=1e-9)


def test_a_planted_pair_comes_first():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(2000, 8))
    losses = rng.random(2000) < np.where((codes[:, 2] == 1) & (codes[:, 5] == 3), 0.7, 0.1)
    assert search_slices(codes, losses, min_size=20, n_slices=3)[0].items == ((2, 1), (5, 3))


def test_of_equal_slices_the_simplest_and_first_comes_first():
    codes = np.column_stack([np.arange(40) % 2] * 3)
    found = search_slices(codes, codes[:, 0] == 1, min_size=1, n_slices=4)
    assert [part.items for part in found] == [((0, 1),), ((1, 1),), ((2, 1),), ((0, 1), (1, 1))]


@pytest.mark.parametrize("loss", [0.0, 1.0])
def test_equal_losses_have_no_slices(loss):
    assert search_slices(np.arange(20)[:, None] % 2, np.full(20, loss), min_size=1, n_slices=3) == []


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (20, 0)])
def test_tables_without_rows_or_columns_have_no_slices(shape):
    losses = np.arange(shape[0]) % 2
    assert search_slices(np.zeros(shape, dtype=int), losses, min_size=1, n_slices=3) == []


def test_a_column_without_levels_is_passed_over():
    codes = np.column_stack((np.full(40, -1), np.arange(40) % 2))
    assert search_slices(codes, codes[:, 1], min_size=1, n_slices=1)[0].items == ((1, 1),)


@pytest.mark.parametrize(
    ("codes", "losses"),
    [
        ([[0], [1]], [np.nan, 1.0]),
        ([[0], [1]], [-1.0, 1.0]),
        ([[0], [-2]], [0.0, 1.0]),
        ([[0.5], [1.0]], [0.0, 1.0]),
        ([0, 1], [0.0, 1.0]),
        ([[0]], [0.0, 1.0]),
    ],
)
def test_bad_input_is_refused(codes, losses):
    with pytest.raises(ValueError, match="expected"):
        search_slices(codes, losses, min_size=1, n_slices=1)


def test_slices_of_nearly_the_same_rows_are_dropped():
    codes = np.array([[0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1]] * 5)
    parts = [Slice(((column, 1),), 10, 5.0, 3.0 - column) for column in range(3)]
    kept = distinct_slices(parts, codes, max_overlap=0.8, n_slices=5)
    assert [part.items for part in kept] == [((0, 1),), ((2, 1),)]


def test_only_the_columns_that_stand_out_are_paired():
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=(600, 12))
    losses = ((codes[:, 4] == 1) & (codes[:, 9] == 2)).astype(float)
    every = search_slices(codes, losses, min_size=10, n_slices=1)
    few = search_slices(codes, losses, min_size=10, n_slices=1, n_combined=2)
    none = search_slices(codes, losses, min_size=10, n_slices=1, n_combined=0)
    assert few == every
    assert every[0].items == ((4, 1), (9, 2))
    assert len(none[0].items) == 1
