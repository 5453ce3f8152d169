"""The urn gives every row its exact chance, whatever the distribution is."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.rank_urn import RankUrn, Shares, earlier_rows, wave_scores


def test_chance_of_a_cell_is_its_share_of_the_gaps() -> None:
    urn = RankUrn([10.0, 20.0, 30.0], rng=np.random.default_rng(0))
    shares = urn.add([25.0, 26.0, 5.0], rng=np.random.default_rng(0))
    np.testing.assert_allclose(shares.low, [2 / 4, 2 / 5, 0])
    np.testing.assert_allclose(shares.high, [3 / 4, 4 / 5, 1 / 6])


def test_rows_are_counted_one_after_the_other_however_they_arrive() -> None:
    rng = np.random.default_rng(1)
    reference, rows = rng.normal(size=3000), rng.normal(size=700)
    at_once = RankUrn(reference, rng=np.random.default_rng(0))
    in_parts = RankUrn(reference, rng=np.random.default_rng(0))
    whole = at_once.add(rows, rng=rng)
    parts = [in_parts.add(part, rng=rng) for part in np.array_split(rows, 50)]
    np.testing.assert_allclose(whole.low, np.concatenate([part.low for part in parts]))
    np.testing.assert_allclose(whole.high, np.concatenate([part.high for part in parts]))
    assert at_once.gaps.tolist() == in_parts.gaps.tolist()
    assert at_once.n_gaps == 3701


@given(st.lists(st.integers(0, 5), max_size=90))
def test_earlier_rows_are_those_a_loop_counts(cells: list[int]) -> None:
    lower, equal = earlier_rows(np.array(cells, dtype=np.int64), 6)
    assert lower.tolist() == [sum(other < cell for other in cells[:row]) for row, cell in enumerate(cells)]
    assert equal.tolist() == [sum(other == cell for other in cells[:row]) for row, cell in enumerate(cells)]


def test_only_the_order_matters() -> None:
    rng = np.random.default_rng(2)
    reference, rows = rng.normal(size=500), rng.normal(size=200)
    plain = RankUrn(reference, rng=np.random.default_rng(0)).add(rows, rng=rng)
    stretched = RankUrn(np.exp(5 * reference), rng=np.random.default_rng(0)).add(np.exp(5 * rows), rng=rng)
    np.testing.assert_array_equal(plain.low, stretched.low)


@pytest.mark.parametrize("waves", [1, 2, 3, 4])
def test_expected_exponential_is_at_most_the_normal_one(waves: int) -> None:
    for n_cells, tilt in product((1, 2, 7, 256), (-3.0, -0.5, 0.1, 1.0, 4.0)):
        edges = np.linspace(0, 1, n_cells + 1)
        scores = wave_scores(Shares(edges[:-1], edges[1:]))[:, waves - 1]
        assert abs(scores.mean()) < 1e-12
        assert np.exp(tilt * scores).mean() <= np.exp(tilt**2 / 2) * (1 + 1e-12)


def test_little_is_lost_by_cells() -> None:
    edges = np.linspace(0, 1, 257)
    scores = wave_scores(Shares(edges[:-1], edges[1:]))
    assert ((scores**2).mean(axis=0) > [0.995, 0.99, 0.985, 0.98]).all()


def test_tied_values_fall_into_every_cell_in_turn() -> None:
    rng = np.random.default_rng(3)
    urn = RankUrn(np.repeat([0.0, 1.0, 2.0, 3.0], 2500), rng=rng)
    cells = urn.place(np.repeat([0.0, 1.0, 2.0, 3.0], 5000), rng=rng)
    counts = np.bincount(cells, minlength=256)
    # The cells of 20,000 rows in 256 have about 78 each, with the noise of sample and reference together.
    assert counts.min() > 25
    assert counts.max() < 160
    assert ((cells[:5000] <= 64) & (cells[:5000] >= 0)).all()
    assert (cells[-5000:] >= 191).all()


def test_infinities_are_values_and_nan_is_refused() -> None:
    urn = RankUrn([-np.inf, 0.0, np.inf], rng=np.random.default_rng(0))
    assert urn.place([-1.0, 1.0], rng=np.random.default_rng(0)).tolist() == [1, 2]
    for call in (lambda: RankUrn([np.nan], rng=np.random.default_rng(0)), lambda: urn.place([np.nan], rng=urn)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="without NaN"):
            call()


def test_empty_reference_and_windows_are_valid() -> None:
    urn = RankUrn([], rng=np.random.default_rng(0))
    assert urn.add([], rng=np.random.default_rng(0)).low.size == 0
    shares = urn.add([4.0, 5.0], rng=np.random.default_rng(0))
    assert (shares.low.tolist(), shares.high.tolist()) == ([0, 0], [1, 1])
    assert wave_scores(shares).tolist() == [[0] * 4] * 2


def test_state_goes_on_where_it_was_taken() -> None:
    rng = np.random.default_rng(4)
    urn = RankUrn(rng.integers(0, 5, 300), rng=rng)
    urn.add(rng.integers(0, 5, 50), rng=rng)
    copy = RankUrn.from_state(json.loads(json.dumps(urn.state())))
    rows = rng.integers(0, 5, 50)
    first = urn.add(rows, rng=np.random.default_rng(9))
    second = copy.add(rows, rng=np.random.default_rng(9))
    np.testing.assert_array_equal(first.low, second.low)
