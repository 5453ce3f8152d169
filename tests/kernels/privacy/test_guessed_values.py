"""The values that an attribute is guessed among."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holdfast.kernels.privacy.guessed_values import answers_to_candidates, guessed_values

NUMBERS = arrays(np.float64, st.integers(0, 60), elements=st.one_of(st.integers(0, 40).map(float), st.just(np.nan)))


def texts(*cells: str | None) -> np.ndarray:
    return np.array(cells, dtype=object)


def test_levels_are_guessed_as_they_are_the_most_frequent_first() -> None:
    found = guessed_values(texts("a", "b", "b", "a", "b", None, "c"))
    assert found is not None
    assert found.candidates == ("b", "a")
    assert found.n_left_out == 1
    assert found.of(texts("a", "c", None, "b")).tolist() == [1, -1, -1, 0]


def test_numbers_with_few_values_are_guessed_as_they_are() -> None:
    found = guessed_values(np.array([0.0, 1.0, 1.0, 0.0, np.nan]))
    assert found is not None
    assert found.edges is None
    assert found.of(np.array([1.0, np.nan, 7.0])).tolist() == [found.candidates.index(1.0), -1, -1]


def test_numbers_with_many_values_are_cut_into_groups_of_about_equal_size() -> None:
    found = guessed_values(np.arange(100.0), n_quantiles=4)
    assert found is not None
    assert np.bincount(found.of(np.arange(100.0))).tolist() == [24, 25, 25, 26]


def test_no_more_levels_than_asked_for_are_guessed() -> None:
    found = guessed_values(np.repeat(np.arange(1000).astype(str), 2).astype(object), most_values=10)
    assert found is not None
    assert len(found.candidates) == 10
    assert found.n_left_out == 990


@given(NUMBERS, st.integers(2, 6))
def test_every_candidate_is_a_cell_of_the_value_that_it_stands_for(cells: np.ndarray, n_quantiles: int) -> None:
    found = guessed_values(cells, n_quantiles=n_quantiles)
    if found is not None:
        candidates = np.array(found.candidates)
        assert np.isin(candidates, cells).all()
        assert found.of(candidates).tolist() == found.group.tolist()
        assert np.unique(found.group).tolist() == list(range(found.group.max() + 1))


def test_one_value_or_none_cannot_be_guessed() -> None:
    assert guessed_values(texts("a", "a")) is None
    assert guessed_values(texts(None, None)) is None
    assert guessed_values(np.full(5, np.nan)) is None
    assert guessed_values(np.array([])) is None


def test_numbers_of_which_nearly_all_are_equal_are_still_cut() -> None:
    found = guessed_values(np.r_[np.zeros(1000), np.arange(20.0)], n_quantiles=4)
    assert found is None or found.edges is not None


@pytest.mark.parametrize("known", [np.nan, 30.0])
def test_nobody_is_asked_twice_as_they_are(known: float) -> None:
    asked: list[tuple[int, int | None]] = []

    def ask(people: np.ndarray, candidate: int | None) -> np.ndarray:
        asked.extend((int(person), candidate) for person in people)
        return 10.0 * people if candidate is None else 100.0 * people + candidate

    found = answers_to_candidates(
        ask, np.array([1, 0, -1, 1]), 2, as_they_are=np.array([np.nan, np.nan, np.nan, known])
    )
    assert found.tolist() == [[0, 0], [10, 101], [200, 201], [300, 30]]
    as_they_are = [(0, None), (1, None)] + ([(3, None)] if np.isnan(known) else [])
    assert sorted(asked, key=str) == sorted([*as_they_are, (0, 0), (2, 0), (3, 0), (1, 1), (2, 1)], key=str)
