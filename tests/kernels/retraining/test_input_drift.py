from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.retraining.input_drift import inputs_drifted


def rows(n: int, seed: int, *, shift: float = 0.0, lost: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal((0.0, 0.0, shift), size=(n, 3))
    X[rng.random(n) < lost, 1] = np.nan
    return X


def test_a_shift_and_lost_cells_raise_the_alarm() -> None:
    assert inputs_drifted(rows(500, 0), rows(300, 1, shift=0.5))
    assert inputs_drifted(rows(500, 0, lost=0.02), rows(300, 1, lost=0.2))
    assert not inputs_drifted(rows(500, 0), rows(300, 1))


def test_a_column_that_is_all_missing_is_an_alarm_and_constants_are_none() -> None:
    gone = rows(300, 1)
    gone[:, 0] = np.nan
    assert inputs_drifted(rows(500, 0), gone)
    assert not inputs_drifted(np.ones((50, 1)), np.ones((50, 1)))


@pytest.mark.parametrize("n", [0, 1, 19])
def test_few_rows_tell_nothing(n: int) -> None:
    assert not inputs_drifted(rows(500, 0), rows(300, 1, shift=9.0)[:n])


@pytest.mark.slow
def test_alarms_without_reason_are_one_in_twenty_at_most() -> None:
    n = 1000
    alarms = sum(inputs_drifted(rows(200, 2 * seed), rows(150, 2 * seed + 1)) for seed in range(n))
    assert alarms <= n * 0.05 + 4 * np.sqrt(n * 0.05 * 0.95)
