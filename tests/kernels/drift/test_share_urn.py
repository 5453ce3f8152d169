"""Shares against a reference that is a sample."""

from __future__ import annotations

import json

import numpy as np
import pytest

from holdfast.kernels.drift.share_urn import ShareUrn


def test_more_members_are_evidence_for_more() -> None:
    urn = ShareUrn([200, 200], 1000, expected=[0.2, 0.2], rng=np.random.default_rng(0))
    found = urn.add([80, 20], 200, rng=np.random.default_rng(1))
    assert found[0, 4] > 5 > 0 > found[0, 5]
    assert found[1, 5] > 5 > 0 > found[1, 4]


def test_something_that_the_reference_lacks_is_seen_at_once() -> None:
    urn = ShareUrn([0], 10_000, expected=[0.0001], rng=np.random.default_rng(0))
    assert urn.add([20], 1000, rng=np.random.default_rng(0)).max() > 20


@pytest.mark.parametrize("share", [0.003, 0.2, 0.6])
@pytest.mark.parametrize("expected", [0.5, 1.0, 1.6])
def test_count_inside_follows_the_urn_whatever_the_share(share: float, expected: float) -> None:
    rng = np.random.default_rng(5)
    counts = []
    for _ in range(4000):
        urn = ShareUrn([rng.binomial(50, share)], 50, expected=[share * expected], rng=rng)
        first = urn.inside[0]
        urn.add([rng.binomial(30, share)], 30, rng=rng)
        counts.append(urn.inside[0] - first)
    a, n = first, 51
    mean, variance = 30 * a / n, 30 * a / n * (1 - a / n) * (n + 30) / (n + 1)
    assert np.mean(counts) == pytest.approx(mean, abs=5 * np.sqrt(variance / 4000))
    assert np.var(counts) == pytest.approx(variance, rel=0.25)


def test_no_rows_and_no_reference_are_valid() -> None:
    urn = ShareUrn([0], 0, expected=[0.5], rng=np.random.default_rng(0))
    assert not urn.add([3], 5, rng=np.random.default_rng(0)).any()
    assert not urn.add([0], 0, rng=np.random.default_rng(0)).any()


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 3"):
        ShareUrn([4], 3, expected=[0.5], rng=np.random.default_rng(0))


def test_state_goes_on_where_it_was_taken() -> None:
    urn = ShareUrn([3, 90], 100, expected=[0.02, 0.9], rng=np.random.default_rng(0))
    copy = ShareUrn.from_state(json.loads(json.dumps(urn.state())))
    first = urn.add([5, 60], 80, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(first, copy.add([5, 60], 80, rng=np.random.default_rng(2)))
    assert urn.state() == copy.state()
