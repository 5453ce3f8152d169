from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.retraining import trigger
from holdfast.kernels.retraining.history import History, Strategy, make_history, replay
from tests.kernels.retraining.worlds import drifting

PERIODS = 40


def cost(history: History, strategy: Strategy, of_retraining: float) -> float:
    return float(replay(history, strategy).costs(cost_of_error=1.0, cost_of_retraining=of_retraining).sum())


def ours(history: History, of_retraining: float, **settings: int) -> Strategy:
    return trigger.when_it_pays(history, cost_of_error=1.0, cost_of_retraining=of_retraining, **settings)


def worlds(kind: str, seed: int) -> History:
    rng = np.random.default_rng(seed)
    steps = {
        "still": np.zeros(PERIODS),
        "steady": np.full(PERIODS, 0.02),
        "walk": 0.03 * rng.normal(size=PERIODS),
        "jumps": (rng.random(PERIODS) < 0.08) * rng.choice([-0.15, 0.15], PERIODS),
    }
    return drifting(np.cumsum(steps[kind]), rng)


def test_the_curve_of_age_is_that_of_the_world() -> None:
    curve = trigger.age_curve(worlds("steady", 0), PERIODS - 1)
    assert curve.loss[:10] == pytest.approx(0.02 * np.arange(10), abs=0.01)
    assert (np.diff(curve.loss) >= 0).all()
    assert np.abs(trigger.age_curve(worlds("still", 0), PERIODS - 1).loss[:20]).max() < 0.01


def test_the_gain_is_that_of_the_world() -> None:
    # a model of age 10 errs by 0.2 more, in 300 decisions a period; over 5 periods the new one ages by 0.02 each
    gain = trigger.expected_gain(worlds("steady", 0), 30, 20, cost=50.0, horizon=5)
    assert gain.total.low <= 300 * (5 * 0.2 - 0.02 * (1 + 2 + 3 + 4)) <= gain.total.high
    assert gain.per_row.value == pytest.approx(0.2, abs=0.03)
    assert gain.horizon == 5


def test_the_horizon_grows_with_the_cost() -> None:
    history = worlds("steady", 0)
    horizons = [trigger.expected_gain(history, 39, 35, cost=cost).horizon for cost in (0.0, 20.0, 100.0, 400.0)]
    assert horizons == sorted(horizons)
    assert horizons[0] == 1
    # the best cycle of n periods has 6 n^2 / 2 = cost
    assert horizons[2] == pytest.approx(np.sqrt(2 * 100.0 / 6), abs=1.5)


def test_nothing_known_gives_no_gain() -> None:
    gain = trigger.expected_gain(worlds("steady", 0), 4, 4, cost=1.0)
    assert np.isnan(gain.total.value)
    assert gain.total[1:] == (-np.inf, np.inf)


@pytest.mark.parametrize("cost_of_retraining", [0.0, 20.0, 200.0])
@pytest.mark.parametrize("kind", ["steady", "walk", "jumps"])
def test_no_strategy_looks_ahead(kind: str, cost_of_retraining: float) -> None:
    history = worlds(kind, 1)._replace(known=np.maximum(np.arange(PERIODS) - 2, 0) * 300)
    now = 25
    spoilt = history.loss.copy()
    spoilt[:, history.known[now] :] = 1.0 - spoilt[:, history.known[now] :]
    other = make_history(spoilt, history.period, first=history.first, known=history.known)
    for make in (lambda h: ours(h, cost_of_retraining), trigger.on_fall):
        first, second = replay(history, make(history)), replay(other, make(other))
        assert first.since[: now - history.first + 1].tolist() == second.since[: now - history.first + 1].tolist()


def test_a_delay_is_waited_for() -> None:
    prompt = worlds("steady", 2)
    late = prompt._replace(known=np.maximum(np.arange(PERIODS) - 12, 0) * 300)
    assert not any(ours(late, 1.0)(now, 4) for now in range(5, 17))
    assert any(ours(prompt, 1.0)(now, 4) for now in range(5, 17))


def test_schedules_keep_their_time() -> None:
    assert replay(worlds("still", 0), trigger.every(4)).since.tolist()[:9] == [4, 4, 4, 4, 8, 8, 8, 8, 12]
    assert replay(worlds("still", 0), trigger.never()).n_trained == 0


def test_a_fall_is_noticed_and_stillness_mostly_is_not() -> None:
    jump = drifting(np.repeat([0.0, 0.3], PERIODS // 2), np.random.default_rng(0))
    since = replay(jump, trigger.on_fall(jump)).since
    assert since[-1] >= 21
    assert replay(worlds("still", 0), trigger.on_fall(worlds("still", 0))).n_trained <= 6


def test_training_that_costs_nothing_is_done_often_and_dear_training_never() -> None:
    history = worlds("steady", 0)
    assert replay(history, ours(history, 0.0)).n_trained > 25
    assert replay(history, ours(history, 1e9)).n_trained == 0


@pytest.mark.parametrize(("error", "training"), [(-1.0, 1.0), (1.0, -1.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_costs_that_cannot_be_are_refused(error: float, training: float) -> None:
    with pytest.raises(ValueError, match="cost of 0 or more"):
        trigger.when_it_pays(worlds("still", 0), cost_of_error=error, cost_of_retraining=training)


def test_a_cycle_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 period"):
        trigger.every(0)


@pytest.mark.slow
@pytest.mark.parametrize("cost_of_retraining", [2.0, 10.0, 50.0, 200.0])
@pytest.mark.parametrize("kind", ["still", "steady", "walk", "jumps"])
def test_ours_is_near_the_best_in_hindsight_wherever_it_is(kind: str, cost_of_retraining: float) -> None:
    totals: dict[str, float] = {}
    for seed in range(6):
        history = worlds(kind, seed)
        rivals = {f"every {n}": trigger.every(n) for n in (1, 2, 4, 8, 16)}
        rivals |= {
            "never": trigger.never(),
            "fall": trigger.on_fall(history),
            "ours": ours(history, cost_of_retraining),
        }
        for name, strategy in rivals.items():
            totals[name] = totals.get(name, 0.0) + cost(history, strategy, cost_of_retraining)
    best = min(total for name, total in totals.items() if name != "ours")
    assert totals["ours"] <= 1.15 * best, totals
