"""Scores against a labelled sample, and intervals that hold where records are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.rule import Span
from holdfast.kernels.personal_data.scoring import EVERY, score_spans, share_of_groups
from holdfast.kernels.stats.proportions import clopper_pearson


def span(start: int, end: int, label: str = "A") -> Span:
    return Span(start, end, label, 1.0)


def test_hand_counted_case() -> None:
    gold = [[span(0, 4), span(10, 20, "B")], [span(5, 9)], [span(0, 3, "B")]]
    found = [[span(0, 4), span(10, 15, "B")], [span(5, 9, "B")], [span(0, 3, "B"), span(7, 9), span(4, 6, "C")]]
    every, a, b = score_spans(gold, found)
    assert (every.label, a.label, b.label) == (EVERY, "A", "B")
    assert (a.n_gold, a.n_found, b.n_gold, b.n_found) == (2, 2, 2, 3)
    assert (a.precision.value, a.recall.value, a.f1.value) == (0.5, 0.5, 0.5)
    assert (b.precision.value, b.recall.value, b.f1.value) == (1 / 3, 0.5, 0.4)
    assert (b.precision_overlap.value, b.recall_overlap.value, b.f1_overlap.value) == (2 / 3, 1.0, 0.8)
    assert (a.leak.value, b.leak.value, every.leak.value) == (0.0, 0.5, 0.25)  # (5, 9) is covered, as a B


def test_spans_that_touch_cover_together() -> None:
    (every, _) = score_spans([[span(0, 10)]], [[span(0, 5, "B"), span(5, 10, "C")]])
    assert every.leak.value == 0.0


def test_nothing_found_and_nothing_to_find() -> None:
    (every, _) = score_spans([[span(0, 1)], []], [[], []])
    assert np.isnan(every.precision.value)
    assert (every.recall.value, every.leak.value) == (0.0, 1.0)
    (nothing,) = score_spans([[]], [[span(0, 1)]])
    assert (nothing.n_gold, nothing.n_found) == (0, 0)
    assert (nothing.leak.low, nothing.leak.high) == (0.0, 1.0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="expected gold, found and groups of the same records"):
        score_spans([[]], [[]], groups=[1, 2])


def test_groups_of_alike_records_widen_the_interval() -> None:
    gold = [[span(0, 4)]] * 100
    found = [[span(0, 4)]] * 80 + [[]] * 20
    alone = score_spans(gold, found)[0].recall
    grouped = score_spans(gold, found, groups=[i // 10 for i in range(100)])[0].recall
    assert alone.value == grouped.value == 0.8
    assert grouped.low < alone.low < 0.8 < alone.high < grouped.high


def test_single_items_get_about_the_exact_binomial_interval() -> None:
    part = np.array([1] * 270 + [0] * 30)
    estimate, exact = share_of_groups(part, np.ones(300, np.int64)), clopper_pearson(270, 300)
    assert estimate.low == pytest.approx(exact.low, abs=0.004)
    assert estimate.high == pytest.approx(exact.high, abs=0.004)


def test_one_group_tells_nothing_of_others() -> None:
    estimate = share_of_groups(np.array([9]), np.array([10]))
    assert (estimate.value, estimate.low, estimate.high) == (0.9, 0.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20), st.permutations(range(20)))
def test_estimate_is_inside_and_order_does_not_matter(counts: list[tuple[int, int]], order: list[int]) -> None:
    part = np.array([min(pair) for pair in counts])
    whole = np.array([max(pair) for pair in counts])
    estimate = share_of_groups(part, whole)
    assert 0.0 <= estimate.low <= estimate.high <= 1.0
    assert np.isnan(estimate.value) or estimate.low <= estimate.value <= estimate.high
    mixed = [at for at in order if at < len(part)]
    assert share_of_groups(part[mixed], whole[mixed]) == pytest.approx(estimate, nan_ok=True)


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=4), min_size=1, max_size=6))
def test_finding_all_that_is_there_is_perfect(records: list[list[tuple[int, int]]]) -> None:
    gold = [[span(start, start + size) for start, size in record] for record in records]
    every = score_spans(gold, gold)[0]
    if every.n_gold:
        assert (every.f1.value, every.f1_overlap.value, every.leak.value) == (1.0, 1.0, 0.0)


def _sizes(kind: str, n_groups: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "equal":
        return np.full(n_groups, 10)
    if kind == "geometric":
        return rng.geometric(0.1, n_groups)
    return np.minimum(np.ceil(4 * rng.pareto(1.2, n_groups)) + 1, 400).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["equal", "geometric", "heavy"])
@pytest.mark.parametrize("share", [0.03, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("correlation", [0.01, 0.1, 0.5, 1.0])
def test_interval_covers_95_percent_however_alike_records_of_a_group_are(
    kind: str, share: float, correlation: float
) -> None:
    """Of 1,000 intervals that cover in 95 % of cases fewer than 930 cover with a probability of 0.3 %."""
    rng = np.random.default_rng(0)
    for n_groups in (20, 50, 107):
        covered = 0
        for _ in range(1000):
            whole = _sizes(kind, n_groups, rng)
            if correlation == 1.0:
                shares = (rng.random(n_groups) < share).astype(float)
            else:
                spread = 1.0 / correlation - 1.0
                shares = rng.beta(share * spread, (1.0 - share) * spread, n_groups)
            estimate = share_of_groups(rng.binomial(whole, shares), whole)
            covered += estimate.low <= share <= estimate.high
        assert covered >= 930, (n_groups, covered)
