from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.drift.concept import ConceptShift, concept_shift

Floats = NDArray[np.float64]


def drawn(rng: np.random.Generator, n: int, *, shift: float = 0.0, more: float = 0.0) -> tuple[Floats, Floats]:
    """Scores that tell the truth, of inputs that may be shifted; ``more`` is added to the chance of the outcome."""
    score = 1 / (1 + np.exp(-rng.normal(shift, 1.5, n)))
    return score, (rng.random(n) < np.clip(score + more, 0, 1)).astype(float)


def compared(rng: np.random.Generator, n: int = 3000, **current: float) -> ConceptShift:
    found = concept_shift(*drawn(rng, n), *drawn(rng, n, **current))
    assert found is not None
    return found


def test_the_same_outcomes_are_no_shift() -> None:
    score, outcome = drawn(np.random.default_rng(0), 500)
    found = concept_shift(score, outcome, score, outcome)
    assert found is not None
    assert (found.p_value, found.effect.value, found.shift.value) == (1.0, 0.0, 0.0)


def test_a_shift_of_the_inputs_alone_is_none_of_the_concept() -> None:
    found = compared(np.random.default_rng(0), shift=1.0)
    assert found.p_value > 0.01
    assert found.shift.low < 0.0 < found.shift.high


def test_outcomes_that_became_more_frequent_are_found() -> None:
    found = compared(np.random.default_rng(0), more=0.1)
    assert found.p_value < 1e-6
    assert found.shift.low < 0.09 < found.shift.high
    assert found.effect.low > 0.03


def test_scores_that_turned_around_are_found_though_rates_stay() -> None:
    rng = np.random.default_rng(0)
    score, outcome = drawn(rng, 4000)
    found = concept_shift(score, outcome, score, 1.0 - outcome)
    assert found is not None
    assert found.effect.low > 0.3
    assert abs(found.shift.value) < 0.05


def test_a_few_rows_are_not_compared() -> None:
    assert concept_shift([0.1] * 4, [0] * 4, [0.1] * 9, [1] * 9) is None
    assert concept_shift([], [], [], []) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1], [2], [0.1], [1]), "0 or 1"),
        (([0.1, 0.2], [1], [0.1], [1]), "score"),
        (([np.nan], [1], [0.1], [1]), "finite"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        concept_shift(*arguments)


def behaviour(more: float, n: int, repeats: int) -> tuple[float, float, float]:
    """Share of p-values below 0.05, and coverage of both intervals, where the outcome is more frequent by ``more``."""
    rng = np.random.default_rng(0)
    p_values, shifts, effects = [], [], []
    score = drawn(rng, 200_000)[0]
    truth = float(np.mean(np.clip(score + more, 0, 1) - score))
    for _ in range(repeats):
        found = concept_shift(*drawn(rng, n), *drawn(rng, n // 2, more=more))
        assert found is not None
        p_values.append(found.p_value < 0.05)
        shifts.append(found.shift.low <= truth <= found.shift.high)
        effects.append(found.effect.low <= truth <= found.effect.high)
    return float(np.mean(p_values)), float(np.mean(shifts)), float(np.mean(effects))


def test_intervals_contain_the_truth() -> None:
    alarms, *covered = behaviour(0.0, 1000, 200)
    assert alarms < 0.11
    assert min(covered) > 0.9
    assert min(behaviour(0.1, 1000, 200)[1:]) > 0.9


@pytest.mark.parametrize(("more", "low", "high"), [(0.0, 0.0, 0.03), (0.1, 0.08, 0.1)])
def test_chance_adds_little_to_the_effect(more: float, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    found = [concept_shift(*drawn(rng, 1000), *drawn(rng, 500, more=more)) for _ in range(100)]
    effects = [each.effect for each in found if each is not None]
    assert low <= np.mean([effect.value for effect in effects]) <= high
    assert all(effect.low <= effect.value <= effect.high for effect in effects)


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 3000])
def test_intervals_contain_the_truth_95_percent(n: int) -> None:
    alarms, *covered = behaviour(0.0, n, 2000)
    assert alarms < 0.065
    assert min(covered) > 0.935
    assert min(behaviour(0.1, n, 2000)[1:]) > 0.93
