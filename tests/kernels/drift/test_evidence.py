"""Evidence has expectation 1 without change, grows with it, and begins anew each year."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import betabinom

from holdfast.kernels.drift.evidence import (
    SCALE_WEIGHTS,
    SCALES,
    SIGNED_TILTS,
    YearlyEvidence,
    moment_evidence,
    tilted_counts,
)

NO_COUNTS = np.zeros((1, SIGNED_TILTS.size))


def evidence(windows: int = 10, alpha: float = 0.05) -> YearlyEvidence:
    return YearlyEvidence([0.9], [0.1], windows_per_year=windows, alpha=alpha)


def test_evidence_for_a_shift_is_the_integral_over_its_prior() -> None:
    lean, mass = 130.0, 2500.0

    def integrand(shift: float, scale: float) -> float:
        prior = shift**2 / scale**2 * math.exp(-0.5 * (shift / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
        return prior * math.exp(shift * lean - shift**2 * mass / 2)

    total = sum(
        weight * quad(integrand, -1, 1, args=(scale,), points=[lean / mass], limit=200)[0]
        for scale, weight in zip(SCALES, SCALE_WEIGHTS, strict=True)
    )
    assert moment_evidence(np.array([lean]), np.array([mass]))[0] == pytest.approx(math.log(total), rel=1e-6)


@given(st.integers(0, 40), st.integers(1, 60), st.integers(1, 60))
def test_expected_evidence_of_a_count_is_1(n: int, inside: int, outside: int) -> None:
    total = inside + outside
    counts = np.arange(n + 1)
    shape = np.ones(n + 1, dtype=np.int64)
    logs = tilted_counts(counts, n * shape, inside=inside * shape, total=total * shape)
    chances = betabinom(n, inside, outside).pmf(counts)
    np.testing.assert_allclose(chances @ np.exp(logs), 1.0, rtol=1e-6)


def test_share_with_all_gaps_on_one_side_says_nothing() -> None:
    assert not tilted_counts([5, 5], [9, 9], inside=[0, 4], total=[4, 4]).any()


def test_alarm_names_bet_start_and_window() -> None:
    watch = evidence()
    for window in range(8):
        shift = 25.0 if window >= 4 else 0.0
        alarm = watch.update(np.array([shift]), 100, n_seen=1000.0 + 100 * window, counts=NO_COUNTS)
        if alarm:
            break
    assert (alarm.window, alarm.bet, alarm.start) == (7, 0, 4) or alarm.window in (5, 6)
    assert alarm.start_low <= 4 <= alarm.start_high
    assert watch.alarms == [alarm]


def test_one_alarm_a_year_and_a_new_start_after_it() -> None:
    watch = evidence(windows=3)
    raised = [watch.update(np.array([900.0]), 1000, n_seen=1e6, counts=NO_COUNTS) is not None for _ in range(6)]
    assert raised == [True, False, False, True, False, False]
    assert [alarm.window for alarm in watch.alarms] == [0, 3]
    assert watch.alarms[1].start == 3


def test_windows_without_rows_change_nothing() -> None:
    watch = evidence()
    for _ in range(4):
        watch.update(np.zeros(1), 0, n_seen=10.0, counts=NO_COUNTS)
    assert watch.log_evidence == pytest.approx(0.0, abs=1e-12)


def test_state_goes_on_where_it_was_taken() -> None:
    watch = evidence()
    watch.update(np.array([3.0]), 50, n_seen=100.0, counts=NO_COUNTS + 0.3)
    copy = YearlyEvidence.from_state(json.loads(json.dumps(watch.state())))
    for one in (watch, copy):
        one.update(np.array([40.0]), 50, n_seen=150.0, counts=NO_COUNTS + 0.1)
    assert copy.log_evidence == watch.log_evidence
    assert copy.state() == watch.state()


@pytest.mark.parametrize(
    ("weights", "windows", "alpha"), [([0.5], 1, 0.1), ([0.9], 0, 0.1), ([0.9], 1, 0.0), ([0.9], 1, 1.0)]
)
def test_wrong_settings_are_refused(weights: list[float], windows: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="expected positive weights"):
        YearlyEvidence(weights, [0.1], windows_per_year=windows, alpha=alpha)
