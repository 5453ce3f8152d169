import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holdfast.kernels.performance.levels import frequent_levels, frequent_words, like_rows, quantile_bins


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True)), st.integers(1, 6))
def test_every_value_lies_in_the_bin_that_starts_at_or_below_it(values, n_quantiles):
    codes, starts, is_few = quantile_bins(values, n_quantiles)
    known = np.isfinite(values)
    assert (codes[~known] == starts.size).all()
    assert (starts[codes[known]] <= values[known]).all()
    after = np.append(starts, np.inf)[codes[known] + 1]
    assert (values[known] < after).all()
    assert not is_few or np.unique(values[known]).size == starts.size


def test_bins_hold_about_equal_parts_and_a_common_value_is_a_bin_of_its_own():
    rng = np.random.default_rng(0)
    assert np.bincount(quantile_bins(rng.normal(size=1000), 5).codes).tolist() == pytest.approx([200] * 5, abs=2)
    gains = np.where(rng.random(1000) < 0.9, 0.0, rng.lognormal(8, 1, size=1000))
    assert np.bincount(quantile_bins(gains, 4).codes)[0] == (gains == 0).sum()


def test_levels_are_counted_by_frequency_and_then_by_name():
    codes, levels, n_others = frequent_levels(["z", "a", "b", "b", None, "c", "a"], 2)
    assert (codes.tolist(), levels, n_others) == ([2, 0, 1, 1, 3, 2, 0], ["a", "b"], 2)
    assert frequent_levels([], 3)[1] == []


def test_words_are_found_whatever_their_case_and_common_ones_left_out():
    texts = ["Refund the card", "refund!", "the card", "the bank", None, "the 2 a"]
    mentions, words = frequent_words(texts, least=2, most=9)
    assert words == ["card", "refund"]
    assert mentions.tolist() == [[True, True], [False, True], [True, False], *[[False, False]] * 3]
    assert frequent_words([], least=1, most=3)[0].shape == (0, 0)


@pytest.mark.parametrize("n_columns", [2, 40])
def test_rows_of_one_cloud_are_of_one_kind(n_columns):
    rng = np.random.default_rng(0)
    cloud = np.repeat(np.arange(3), 50)
    values = 30.0 * np.arange(3)[cloud, None] * rng.choice([-1, 1], size=n_columns) + rng.normal(size=(150, n_columns))
    kinds, typical = like_rows(values, 3, rng=rng)
    assert len(set(zip(cloud.tolist(), kinds.tolist(), strict=True))) == 3
    assert (kinds[typical] == np.arange(3)).all()


@pytest.mark.parametrize("values", [np.zeros((5, 3)), np.ones((1, 2)), np.repeat([[0.0, 1.0]], 4, axis=0)])
def test_equal_rows_are_of_one_kind(values):
    kinds, typical = like_rows(values, 4, rng=np.random.default_rng(0))
    assert kinds.tolist() == [0] * len(values)
    assert typical.tolist() == [0]
