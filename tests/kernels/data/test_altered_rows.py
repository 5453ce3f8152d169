import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.data.altered_rows import altered_copies, several_cells_apart
from holdfast.kernels.data.duplicates import beyond_chance
from holdfast.kernels.data.near_duplicates import chance_of_a_twin


@given(st.integers(0, 2**32 - 1), st.integers(6, 9), st.integers(2, 5))
def test_in_a_small_table_all_pairs_are_found_that_comparing_every_pair_finds(seed, width, most):
    rng = np.random.default_rng(seed)
    codes = rng.integers(1000, size=(30, width))
    codes[20:] = altered_copies(codes[:20], most=most, n_copies=10, rng=rng)
    is_reference = np.arange(30) < 20
    twins, least_bits = several_cells_apart(codes, is_reference, most=most, rng=rng)
    agrees = codes[:, None] == codes
    shares = np.column_stack([(column[:, None] == column).mean(axis=1) for column in codes.T])
    apart, bits = width - agrees.sum(axis=2), (agrees * -np.log2(shares)).sum(axis=2)
    near = (apart >= 2) & (apart <= most) & is_reference & (bits >= least_bits - 1e-9)
    assert twins.degree.tolist() == near.sum(axis=1).tolist()
    for row in range(30):
        assert near[row, twins.first[row]] if near[row].any() else twins.first[row] == -1
    same = (apart == 0) & ~np.eye(30, dtype=bool) & is_reference
    assert twins.copies.tolist() == same.sum(axis=1).tolist()


def test_what_agrees_has_to_be_rare():
    halves = np.repeat(np.arange(512), 2)
    many = np.column_stack([halves, halves, halves, np.arange(1024), np.arange(1024)])
    few = np.column_stack([halves, halves % 2, halves % 2, np.arange(1024), np.arange(1024)])
    is_reference, rng = np.arange(1024) % 2 == 0, np.random.default_rng(0)
    assert several_cells_apart(many, is_reference, rng=rng).twins.degree[1::2].tolist() == [1] * 512
    assert not several_cells_apart(few, is_reference, rng=rng).twins.degree.any()


def test_the_limit_rises_until_few_reference_rows_have_twins():
    rng = np.random.default_rng(0)
    same = rng.integers(64, size=4000)
    codes = np.column_stack([same, same, same, same, rng.integers(64, size=(4000, 3))])
    found = several_cells_apart(codes, np.ones(4000, dtype=bool), rng=rng)
    assert found.least_bits > np.log2(4000) + 10


def test_altered_copies_in_a_large_table_are_found():
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(size, size=20_000) for size in (50, 50, 50, 50, 50, 2, 2, 5000)])
    made = altered_copies(codes, n_copies=400, rng=rng)
    is_reference = np.arange(20_400) < 20_000
    twins = several_cells_apart(np.concatenate([codes, made]), is_reference, rng=rng).twins
    assert (twins.degree[20_000:] > 0).mean() > 0.6
    assert (twins.degree[:20_000] > 0).mean() < 0.01


@pytest.mark.slow
def test_tables_of_one_population_are_accused_no_more_often_than_stated():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        sizes = (300, 300, 40, 10, 5, 4)
        draws = [np.minimum(rng.geometric(3 / size, size=1500) - 1, size - 1) for size in sizes]
        codes = np.column_stack(draws)
        is_reference = np.arange(1500) < 1000
        twins = several_cells_apart(codes, is_reference, rng=rng).twins
        found = (twins.degree > 0)[~is_reference & (twins.copies == 0)]
        alarms += beyond_chance(found, chance_of_a_twin(twins, is_reference)).low > 0.0
    # one side of an interval at 95 %: 2.5 % of 200 are 5, and more than 12 come by chance once in 700 times
    assert alarms <= 12


def test_copies_differ_in_as_many_cells_as_asked():
    rng = np.random.default_rng(0)
    codes = np.arange(60).reshape(10, 6)
    copies = altered_copies(codes, most=4, n_copies=300, rng=rng)
    apart = 6 - (copies[:, None] == codes).sum(axis=2).max(axis=1)
    assert set(apart.tolist()) <= {0, 1, 2, 3, 4}
    assert (apart >= 2).mean() > 0.7


@pytest.mark.parametrize(("width", "most"), [(2, 2), (4, 1), (4, 6)])
def test_what_cannot_be_searched_is_refused(width, most):
    with pytest.raises(ValueError, match="three columns"):
        several_cells_apart(
            np.zeros((3, width), dtype=int), np.ones(3, dtype=bool), most=most,
            rng=np.random.default_rng(0),
        )  # fmt: skip
