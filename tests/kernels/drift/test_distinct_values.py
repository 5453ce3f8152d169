from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.distinct_values import N_KEPT, distinct_texts, merge_distinct, no_texts
from holdfast.kernels.drift.grid import number_grid
from holdfast.kernels.drift.number_counts import NumberCounts

WORDS = st.dictionaries(st.text(max_size=5), st.integers(1, 9), max_size=40)


def test_few_values_are_all_kept_with_their_counts() -> None:
    kept = distinct_texts({"b": 2, "a": 1})
    assert kept.is_complete
    assert kept.n_distinct == 2
    assert kept.items() == {"a": 1, "b": 2}


def test_nothing_is_nothing() -> None:
    assert no_texts().n_distinct == 0


@given(WORDS, WORDS, WORDS)
def test_parts_merge_to_the_whole_in_any_order(a: dict[str, int], b: dict[str, int], c: dict[str, int]) -> None:
    whole = distinct_texts(Counter(a) + Counter(b) + Counter(c))
    parts = [distinct_texts(each) for each in (a, b, c)]
    left = merge_distinct(merge_distinct(parts[0], parts[1]), parts[2])
    right = merge_distinct(parts[2], merge_distinct(parts[1], parts[0]))
    for found in (left, right):
        assert found.items() == whole.items()
        assert np.array_equal(found.hashes, whole.hashes)


def test_counts_of_what_is_kept_are_exact_beyond_the_limit() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20_000, 100_000).astype(float)
    column = NumberCounts(number_grid(x[:1000]))
    for part in np.split(x, 10):
        column.update(part)
    kept = column.distinct
    truth = Counter(x.tolist())
    assert kept.hashes.size == N_KEPT
    assert kept.items() == {value: truth[value] for value in kept.values.tolist()}


@pytest.mark.parametrize("n_values", [3000, 200_000])
def test_the_number_of_values_is_estimated_within_its_error(n_values: int) -> None:
    column = NumberCounts(number_grid(np.arange(100)))
    column.update(np.arange(n_values) * 1.5)
    assert column.distinct.n_distinct == pytest.approx(n_values, rel=4 / np.sqrt(N_KEPT))


def test_words_can_be_left_out() -> None:
    assert set(distinct_texts({"Ada": 1, "Bo": 1}, keeps_words=False).values.tolist()) == {""}


def test_half_a_character_is_a_text_too() -> None:
    assert distinct_texts({"\ud800": 1}).n_distinct == 1
