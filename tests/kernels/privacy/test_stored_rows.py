"""Which rows of a table a model keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from holdfast.kernels.privacy.stored_rows import equal_rows

SMALL = arrays(
    np.float64, st.tuples(st.integers(0, 12), st.just(2)), elements=st.sampled_from([0.0, -0.0, 1.0, np.nan])
)


def test_rows_are_found_wherever_they_stand() -> None:
    found = equal_rows(np.array([[3.0, 4.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [5.0, 6.0], [3.0, 4.0]]))
    assert found.is_stored.tolist() == [True, False, True]
    assert found.n_equal == 2


def test_a_row_with_one_changed_cell_is_not_equal() -> None:
    assert not equal_rows(np.array([[1.0, 2.0]]), np.array([[1.0, 2.001]])).is_stored.any()


def test_single_and_double_precision_are_equal() -> None:
    table = np.random.default_rng(0).normal(size=(50, 4))
    assert equal_rows(table.astype(np.float32), table).is_stored.all()


def test_missing_cells_are_equal_and_so_are_both_zeros() -> None:
    assert equal_rows(np.array([[np.nan, -0.0]]), np.array([[np.nan, 0.0]])).n_equal == 1


def test_sparse_rows_equal_dense_ones() -> None:
    table = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert equal_rows(csr_array(table), table).is_stored.all()


@given(SMALL, SMALL)
def test_agrees_with_comparing_every_pair(stored: np.ndarray, table: np.ndarray) -> None:
    found = equal_rows(stored, table)
    same = [[np.array_equal(row, kept, equal_nan=True) for kept in stored] for row in table]
    assert found.is_stored.tolist() == [any(pairs) for pairs in same]
    assert found.n_equal == sum(any(pairs[place] for pairs in same) for place in range(len(stored)))


@given(SMALL, st.randoms(use_true_random=False))
def test_the_order_of_stored_rows_does_not_matter(table: np.ndarray, random: object) -> None:
    order = random.sample(range(len(table)), len(table))  # type: ignore[attr-defined]
    assert equal_rows(table[order], table).is_stored.all()


def test_nothing_stored_finds_nothing() -> None:
    found = equal_rows(np.zeros((0, 3)), np.ones((2, 3)))
    assert found.is_stored.tolist() == [False, False]
    assert found.n_equal == 0


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="one width"):
        equal_rows(np.ones((1, 2)), np.ones((1, 3)))


def test_numbers_too_large_for_single_precision_are_compared_as_infinite() -> None:
    assert equal_rows(np.array([[1e300]]), np.array([[2e300]])).is_stored.all()
