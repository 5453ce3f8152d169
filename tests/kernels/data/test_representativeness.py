from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.representativeness import (
    largest_difference,
    reachable_half_width,
    rows_for_half_width,
    share_differences,
)


def test_difference_of_two_categories_is_that_of_the_textbook() -> None:
    found = share_differences([600, 400], [0.5, 0.5])
    assert found.difference.value == pytest.approx([0.2, -0.2])
    assert found.share.value == pytest.approx([0.6, 0.4])


def test_table_that_fits_shows_no_difference() -> None:
    found = share_differences([500, 300, 200], [0.5, 0.3, 0.2]).difference
    assert found.value == pytest.approx(np.zeros(3), abs=1e-12)
    assert (found.low < 0).all()
    assert (found.high > 0).all()


def test_reference_table_of_few_rows_makes_intervals_wider() -> None:
    known, counted = (share_differences([600, 400], [0.5, 0.5], n_reference=n).difference for n in (None, 100))
    assert counted.value == pytest.approx(known.value)
    assert (counted.high - counted.low > 1.5 * (known.high - known.low)).all()


def test_certain_and_impossible_categories_have_no_standardised_difference() -> None:
    found = share_differences([10, 0], [1.0, 0.0]).difference
    assert (found.value == 0).all()


def test_largest_is_the_largest_in_size() -> None:
    at, found = largest_difference([0.1, -0.5, 0.2], [-0.1, -0.6, 0.1], [0.3, -0.4, 0.9])
    assert (at, found.value, found.low, found.high) == (1, 0.5, 0.4, 0.9)


@pytest.mark.parametrize("half_width", [0.2, 0.1, 0.05])
def test_so_many_rows_are_enough_and_one_fewer_is_not(half_width: float) -> None:
    rows = rows_for_half_width(half_width)
    found = reachable_half_width([rows - 1, rows])
    assert found[0] > half_width >= found[1]


@pytest.mark.parametrize("half_width", [0.0, 0.5, -1, np.nan])
def test_half_widths_that_are_none_are_refused(half_width: float) -> None:
    with pytest.raises(ValueError, match="half-width"):
        rows_for_half_width(half_width)


@pytest.mark.slow
@pytest.mark.parametrize("n_reference", [None, 400])
def test_all_differences_lie_in_their_intervals_95_percent(n_reference: int | None) -> None:
    """2,000 tables; below 0.935 has a chance under 1 in 1,000 at 0.95."""
    rng = np.random.default_rng(3)
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.3, 0.3, 0.25, 0.15])
    truth = (p - q) / np.sqrt(q * (1 - q))
    hits = []
    for _ in range(2000):
        stated = q if n_reference is None else rng.multinomial(n_reference, q) / n_reference
        found = share_differences(rng.multinomial(500, p), stated, n_intervals=4, n_reference=n_reference)
        scale = np.sqrt(stated * (1 - stated)) / np.sqrt(q * (1 - q))
        hits.append(bool(((found.difference.low * scale <= truth) & (truth <= found.difference.high * scale)).all()))
    assert np.mean(hits) >= 0.935
