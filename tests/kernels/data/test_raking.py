from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.data.raking import Balance, kish_effective_size, margin, population_mean, rake

FIRST, SECOND = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4])


def test_weights_meet_the_shares_that_were_asked_for() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.choice(3, 900, p=[0.2, 0.2, 0.6]), rng.choice(2, 900, p=[0.3, 0.7])
    found = rake([margin(a, FIRST), margin(b, SECOND)])
    assert found.error < 1e-6
    assert np.bincount(a, weights=found.weight) / 900 == pytest.approx(FIRST, abs=1e-6)
    assert np.bincount(b, weights=found.weight) / 900 == pytest.approx(SECOND, abs=1e-6)


def test_known_answer_of_deming_and_stephan() -> None:
    """A table of two by two whose odds ratio, 6, stays what it was."""
    a, b = np.repeat([0, 0, 1, 1], [30, 20, 10, 40]), np.repeat([0, 1, 0, 1], [30, 20, 10, 40])
    w = rake([margin(a, [0.4, 0.6]), margin(b, [0.5, 0.5])]).weight
    cell = {(i, j): w[(a == i) & (b == j)].sum() for i in (0, 1) for j in (0, 1)}
    assert cell[0, 0] * cell[1, 1] / (cell[0, 1] * cell[1, 0]) == pytest.approx(6, rel=1e-4)
    assert cell[0, 0] + cell[0, 1] == pytest.approx(40, rel=1e-5)
    assert cell[0, 0] + cell[1, 0] == pytest.approx(50, rel=1e-5)


def test_a_table_that_fits_keeps_equal_weights() -> None:
    a = np.repeat([0, 1, 2], [50, 30, 20])
    assert rake([margin(a, FIRST)]).weight == pytest.approx(np.ones(100))


def test_shares_that_no_weights_can_meet_leave_an_error() -> None:
    a = np.repeat([0, 1], 50)
    assert rake([margin(a, [0.9, 0.1]), margin(a, [0.1, 0.9])]).error > 0.1


def test_rare_categories_are_joined_and_absent_ones_set_apart() -> None:
    many = np.full(10_000, 1e-4)
    found = margin(np.arange(2000) % 10_000, many)
    assert (found.shares.tolist(), found.uncovered) == ([1.0], 0.0)
    assert margin(np.zeros(100, int), [0.7, 0.3]).uncovered == pytest.approx(0.3)
    assert rake([margin(np.full(10, -1), [0.5, 0.5])]).error == 1


@pytest.mark.parametrize("shares", [[-0.1, 1.1], [0.0, 0.0], [np.nan, 1.0]])
def test_shares_that_are_none_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        margin([0, 1], shares)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50), st.floats(0.1, 10))
def test_effective_size_is_at_most_the_rows_and_does_not_know_the_scale(weights: list[float], scale: float) -> None:
    w = np.array(weights)
    size = kish_effective_size(w)
    assert 1 - 1e-9 <= size <= w.size + 1e-9
    assert kish_effective_size(w * scale) == pytest.approx(size)


def test_effective_size_without_weights_is_none() -> None:
    assert kish_effective_size([0, 0]) == 0
    assert kish_effective_size([]) == 0


def test_post_stratified_mean_is_that_of_the_strata() -> None:
    rng = np.random.default_rng(1)
    a = np.repeat([0, 1, 2], [100, 100, 300])
    y = (rng.random(500) < 0.3 + 0.2 * a).astype(float)
    whole = margin(a, FIRST)
    found = population_mean(y, [whole], rake([whole]))
    assert found.population.value == pytest.approx(sum(FIRST[k] * y[a == k].mean() for k in range(3)))
    assert found.difference.value == pytest.approx(y.mean() - found.population.value)


def test_equal_weights_give_the_ordinary_interval() -> None:
    from holdfast.kernels.stats.proportions import clopper_pearson

    y = np.repeat([1.0, 0.0], [60, 340])
    alone = margin(np.zeros(400, int), [1.0])
    found, exact = population_mean(y, [alone], rake([alone])).population, clopper_pearson(60, 400)
    assert found == pytest.approx(exact, abs=0.001)


def test_groups_without_rows_are_as_good_or_as_bad_as_can_be() -> None:
    y, only = np.ones(200), margin(np.zeros(200, int), [0.8, 0.2])
    found = population_mean(y, [only], rake([only]))
    assert found.population.low < 0.8
    assert found.population.high == 1
    assert found.difference.high > 0.15


def test_all_right_has_width_and_nothing_is_known_without_rows() -> None:
    alone = margin(np.zeros(50, int), [1.0])
    assert 0.9 < population_mean(np.ones(50), [alone], rake([alone])).population.low < 1
    nobody = margin(np.full(5, -1), [1.0])
    assert np.isnan(population_mean(np.ones(5), [nobody], rake([nobody])).population.value)


def test_a_small_reference_table_makes_the_interval_wider() -> None:
    rng = np.random.default_rng(2)
    a = rng.choice(3, 2000, p=FIRST)
    y = (rng.random(2000) < np.array([0.1, 0.5, 0.9])[a]).astype(float)
    people = rng.choice(3, 60, p=FIRST)
    whole = margin(a, np.bincount(people, minlength=3) / 60)
    known, sampled = (population_mean(y, [whole], rake([whole]), reference=r).population for r in ([], [people]))
    assert sampled.high - sampled.low > 2 * (known.high - known.low)


def draw(rng: np.random.Generator, n: int, rate: float, selection: float, n_reference: int) -> tuple[Balance, bool]:
    """One biased sample, weighted; whether its interval holds the population's share."""
    chosen = [q**selection / (q**selection).sum() for q in (FIRST, SECOND)]
    a, b = rng.choice(3, n, p=chosen[0]), rng.choice(2, n, p=chosen[1])
    y = (rng.random(n) < rate * (1 + (a == 2) + 0.5 * (b == 1))).astype(float)
    truth = rate * (1 + FIRST[2] + 0.5 * SECOND[1])
    shares, people = [FIRST, SECOND], []
    if n_reference:
        people = [rng.choice(q.size, n_reference, p=q) for q in shares]
        shares = [np.bincount(code, minlength=q.size) for code, q in zip(people, shares, strict=True)]
    margins = [margin(code, q) for code, q in zip((a, b), shares, strict=True)]
    found = population_mean(y, margins, rake(margins), reference=people)
    return found, found.population.low <= truth <= found.population.high


@pytest.mark.slow
@pytest.mark.parametrize("n_reference", [0, 300])
@pytest.mark.parametrize("selection", [1.0, -1.5])
@pytest.mark.parametrize(("n", "rate"), [(60, 0.15), (200, 0.03), (1000, 0.15), (1000, 0.4)])
def test_interval_of_the_population_contains_it_95_percent(
    n: int, rate: float, selection: float, n_reference: int
) -> None:
    """2,000 samples, some with the rare over-represented; below 0.935 has a chance under 1 in 1,000 at 0.95."""
    rng = np.random.default_rng([n, round(100 * rate), selection > 0, n_reference])
    hits = [draw(rng, n, rate, selection, n_reference)[1] for _ in range(2000)]
    assert np.mean(hits) >= 0.935
