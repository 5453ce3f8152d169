"""Cases to label next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.estimation.label_choice import choose_cases, inclusion_probabilities
from holdfast.kernels.estimation.prediction_powered import ppi_mean


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=60),
    st.integers(1, 80),
    st.floats(0.01, 1.0),
    st.integers(0, 10**6),
)
def test_as_many_as_the_budget_allows_each_with_its_probability(
    spread: list[float], budget: int, explore: float, seed: int
) -> None:
    p = inclusion_probabilities(spread, budget, explore=explore)
    assert p.sum() == pytest.approx(min(budget, len(spread)))
    assert p.min() > 0.0
    assert p.max() <= 1.0 + 1e-12
    chosen = choose_cases(spread, budget, rng=np.random.default_rng(seed), explore=explore)
    assert chosen.rows.size == np.unique(chosen.rows).size == min(budget, len(spread))
    assert chosen.probability.tolist() == p[chosen.rows].tolist()


def test_each_case_is_drawn_as_often_as_stated() -> None:
    spread = np.linspace(0, 3, 40)
    p = inclusion_probabilities(spread, 10)
    rng = np.random.default_rng(0)
    seen = np.zeros(40)
    for _ in range(5000):
        seen[choose_cases(spread, 10, rng=rng).rows] += 1
    assert np.abs(seen / 5000 - p).max() < 0.035  # five standard errors


@pytest.mark.slow
def test_chosen_labels_are_unbiased_and_tell_more_than_as_many_random_ones() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(0.4, 0.4, 4000)
    truth = (rng.random(4000) < p).astype(float)
    sd = np.sqrt(p * (1 - p))
    errors: dict[str, list[float]] = {"chosen": [], "random": []}
    covered = []
    for _ in range(2000):
        for name in errors:
            picked = choose_cases(sd if name == "chosen" else np.ones(4000), 200, rng=rng)
            found = ppi_mean(
                truth[picked.rows], p[picked.rows], float(p.mean()), probability=picked.probability, power=1.0
            )
            errors[name].append(found.value - truth.mean())
            covered.append(found.low <= truth.mean() <= found.high)
    assert abs(np.mean(errors["chosen"])) < 5 * np.std(errors["chosen"]) / np.sqrt(2000)
    assert np.var(errors["chosen"]) < 0.8 * np.var(errors["random"])
    assert np.mean(covered) > 0.93


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spread": [1.0], "budget": 0}, "one label or more"),
        ({"spread": [-1.0], "budget": 1}, "zero or more"),
        ({"spread": [1.0, np.nan], "budget": 1}, "finite"),
        ({"spread": [1.0], "budget": 1, "explore": 0.0}, "to explore"),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inclusion_probabilities(**arguments)


def test_no_case_gives_no_choice() -> None:
    assert choose_cases([], 5, rng=np.random.default_rng(0)).rows.size == 0
