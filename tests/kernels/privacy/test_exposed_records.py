"""Naming members with a bound on wrong names."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.exposed_records import exposed_records, most_exposed


def test_controls_are_never_named() -> None:
    scores = np.arange(300.0)
    assert not exposed_records(scores, np.arange(300) < 100, share_wrong=0.05)[100:].any()


def test_few_controls_name_nobody_by_chance() -> None:
    scores = np.concatenate([[9.0], np.zeros(10)])
    assert not exposed_records(scores, np.arange(11) < 1, share_wrong=0.05).any()


def test_ties_with_controls_are_no_evidence() -> None:
    assert not exposed_records(np.zeros(1000), np.arange(1000) < 500, share_wrong=0.05).any()


@pytest.mark.slow
def test_share_of_wrong_names_is_held() -> None:
    rng = np.random.default_rng(0)
    wrong = []
    for _ in range(2000):
        stands_out = np.arange(400) < 60
        scores = np.concatenate([rng.normal(size=400) + 4 * stands_out, rng.normal(size=1000)])
        named = exposed_records(scores, np.arange(1400) < 400, share_wrong=0.1)[:400]
        wrong.append((named & ~stands_out).sum() / max(named.sum(), 1))
    assert np.mean(wrong) < 0.1 + 4 * np.std(wrong) / np.sqrt(2000)


def test_records_that_stand_out_in_every_model_are_marked() -> None:
    rng = np.random.default_rng(0)
    is_in = rng.random((500, 8)) < 0.5
    stands_out = np.arange(500) < 25
    scores = rng.normal(size=(500, 8)) + 4.0 * (is_in & stands_out[:, None])
    marked = most_exposed(scores, is_in, share=0.05)
    assert marked.sum() == 25
    assert marked[stands_out].mean() > 0.9
    assert not most_exposed(scores, is_in, share=0.0).any()
