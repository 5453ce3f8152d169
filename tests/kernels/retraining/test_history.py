from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.retraining.history import gaps_of_age, make_history, replay, staleness

# models trained before periods 1, 2, 3; two rows in each of four periods
LOSS = np.array(
    [
        [0, 0, 1, 0, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 0, 1, 0],
        [0] * 8,
    ],
    dtype=np.float32,
)
PERIOD = np.repeat(np.arange(4), 2)
SMALL = make_history(LOSS, PERIOD, first=1, known=[0, 2, 4, 6])


def test_means_are_of_the_periods_after_the_training() -> None:
    assert np.nan_to_num(SMALL.mean, nan=-1.0).tolist() == [[-1, 0.5, 1, 1], [-1, -1, 0.5, 0.5], [-1, -1, -1, 0]]


def test_never_and_always_by_hand() -> None:
    never = replay(SMALL, lambda now, since: False)
    assert (never.loss.tolist(), never.n_trained) == ([1.0, 2.0, 2.0], 0)
    always = replay(SMALL, lambda now, since: True)
    assert (always.loss.tolist(), always.n_trained) == ([1.0, 1.0, 0.0], 2)


def test_costs_add_up() -> None:
    always = replay(SMALL, lambda now, since: True)
    costs = always.costs(cost_of_error=2.0, cost_of_retraining=10.0, cost_of_trial=1.0)
    assert costs.tolist() == [3.0, 13.0, 11.0]


def test_a_period_without_rows_costs_nothing_and_has_no_mean() -> None:
    found = make_history([[0, 1], [0, 1]], [0, 2], first=1, known=[0, 1, 1])
    assert np.isnan(found.mean[0, 1])
    assert replay(found, lambda now, since: False).loss.tolist() == [0.0, 1.0]


def test_age_is_compared_on_the_same_rows() -> None:
    assert gaps_of_age(SMALL, 1, 3).tolist() == [0.5, 0.5]
    assert gaps_of_age(SMALL, 1, 2).tolist() == [0.5]
    found = staleness(SMALL, ages=np.array([1, 2]))
    assert found.value.tolist() == [0.5, 1.0]
    assert found.low[1] == -np.inf


def test_newest_is_a_whole_period() -> None:
    late = make_history(LOSS, PERIOD, first=1, known=[0, 1, 3, 4])
    assert [late.newest(now) for now in range(4)] == [-1, -1, 0, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"period": [0, 0, 2, 2, 1, 1, 3, 3]}, "order of time"),
        ({"known": [0, 3, 4, 6]}, "known before its period"),
        ({"known": [0, 2, 1, 6]}, "known before its period"),
        ({"first": 2}, "losses of 2 models"),
        ({"known": [0, 2, 4]}, "what is known in 4 periods"),
    ],
)
def test_histories_that_cannot_be_are_refused(change: dict[str, object], said: str) -> None:
    given = {"period": PERIOD, "first": 1, "known": [0, 2, 4, 6]} | change
    with pytest.raises(ValueError, match=said):
        make_history(LOSS, given.pop("period"), **given)
