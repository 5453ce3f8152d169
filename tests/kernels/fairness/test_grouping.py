import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.fairness.grouping import cut_numbers

NUMBERS = st.lists(st.integers(0, 100) | st.just(float("nan")), max_size=60)


def test_an_edge_opens_the_group_above_it():
    assert cut_numbers([24.9, 25, 59, 60], edges=[60, 25]).group.tolist() == [0, 1, 1, 2]


def test_thirds_have_equal_sizes():
    assert np.bincount(cut_numbers(np.arange(300)).group).tolist() == [100, 100, 100]


def test_missing_numbers_have_no_group():
    assert cut_numbers([np.nan, 1.0, 2.0], n_quantiles=2).group.tolist() == [-1, 0, 1]


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_nothing_to_cut_is_one_group(values):
    assert cut_numbers(values).names == ["all"]


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 6))
def test_every_number_is_in_a_named_group_in_order(values, n_quantiles):
    found = cut_numbers(values, n_quantiles=n_quantiles)
    numbers = np.asarray(values, dtype=float)
    assert (found.group[~np.isnan(numbers)] >= 0).all()
    assert found.group.max(initial=-1) < len(found.names)
    order = np.argsort(numbers[~np.isnan(numbers)], kind="stable")
    assert (np.diff(found.group[~np.isnan(numbers)][order]) >= 0).all()


@pytest.mark.parametrize("options", [{"n_quantiles": 0}, {"edges": [np.nan]}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        cut_numbers([1.0], **options)
