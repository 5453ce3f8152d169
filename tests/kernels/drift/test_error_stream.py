"""The rate of errors: when its change is seen, how rarely without one, and that state goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from holdfast.kernels.drift import error_stream
from holdfast.kernels.drift.error_stream import ErrorStream


def answers(seed: int, before: float, after: float, *, n: int = 10_000, change: int = 5000) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(n) < np.where(np.arange(n) < change, before, after)


@pytest.mark.parametrize(("before", "after"), [(0.2, 0.3), (0.3, 0.2), (0.02, 0.06), (0.5, 0.9)])
def test_change_up_and_down_is_seen_and_dated(before: float, after: float) -> None:
    alarm = ErrorStream(horizon=10_000).update(answers(1, before, after))[0]
    assert 5000 <= alarm.row < 6500
    assert alarm.start_low <= 5000 <= alarm.start_high + 8
    assert alarm.difference.low <= after - before <= alarm.difference.high


def test_evidence_is_the_sum_over_starts_of_likelihood_ratios() -> None:
    rows = answers(3, 0.3, 0.4, n=60, change=30).astype(np.int64)
    stream = ErrorStream(horizon=1000, burn_in=20)
    stream.update(rows[:20])
    log_evidence, _, _ = stream._followed(rows[20:])
    low, high = error_stream._rate_limits(int(rows[:20].sum()), 20, 0.1 * 0.05)
    for n in (1, 7, 40):
        total = 0.0
        for start in range(n):
            for tilt, weight in zip(error_stream.TILTS, error_stream.TILT_WEIGHTS, strict=True):
                likelihood = 1.0
                for row in range(n):
                    seen = rows[: 20 + row]
                    rate = (seen.sum() + 0.5) / (seen.size + 1)
                    odds = rate / (1 - rate) * np.exp(tilt * (row >= start))
                    likelihood *= odds / (1 + odds) if rows[20 + row] else 1 / (1 + odds)
                total += weight * likelihood
        wrong = rows[20 : 20 + n].sum()
        p = np.clip(wrong / n, low, high)
        assert log_evidence[n - 1] == pytest.approx(np.log(total) - wrong * np.log(p) - (n - wrong) * np.log1p(-p))


def test_rows_may_come_in_any_portions() -> None:
    rows = answers(5, 0.2, 0.35)
    at_once, in_parts = ErrorStream(horizon=10_000), ErrorStream(horizon=10_000)
    whole = at_once.update(rows)
    parts = [alarm for part in np.array_split(rows, 97) for alarm in in_parts.update(part)]
    assert [alarm.row for alarm in whole] == [alarm.row for alarm in parts]
    assert [alarm.start for alarm in whole] == [alarm.start for alarm in parts]


def test_blocks_are_joined_and_lose_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_stream, "MOST_BLOCKS", 8)
    stream = ErrorStream(horizon=10_000)
    rows = answers(6, 0.2, 0.2, n=3001)
    for part in np.array_split(rows, 61):
        stream.update(part)
    assert sum(stream._blocks) + stream._open_errors == rows.sum()
    assert len(stream._blocks) * stream._block + stream._open_rows == 3001
    assert len(stream._blocks) <= 8


def test_stream_begins_anew_after_an_alarm() -> None:
    rows = np.concatenate([answers(7, 0.1, 0.4, n=8000, change=4000), answers(8, 0.4, 0.1, n=8000, change=2000)])
    found = ErrorStream(horizon=20_000).update(rows)
    assert [round(alarm.row, -3) for alarm in found] == [4000, 10_000]
    assert [alarm.difference.value > 0 for alarm in found] == [True, False]


@pytest.mark.parametrize("constant", [False, True])
def test_constant_answers_raise_no_alarm(constant: bool) -> None:
    stream = ErrorStream(horizon=5000)
    assert stream.update(np.full(5000, constant)) == []
    assert stream.update([]) == []
    assert stream.update([constant]) == []


def test_first_errors_of_a_faultless_stream_are_seen() -> None:
    rows = np.concatenate([np.zeros(3000, dtype=np.bool_), np.arange(300) % 10 == 0])
    [alarm] = ErrorStream(horizon=10_000).update(rows)
    assert 3000 < alarm.row < 3200


def test_state_goes_on_exactly_where_it_was_taken() -> None:
    rows = answers(9, 0.2, 0.3)
    stream = ErrorStream(horizon=10_000)
    stream.update(rows[:7000])
    copy = ErrorStream.from_state(json.loads(json.dumps(stream.state())))
    assert stream.update(rows[7000:]) == copy.update(rows[7000:])
    assert stream.state() == copy.state()
    assert stream.alarms == copy.alarms


@pytest.mark.parametrize("settings", [{"horizon": 10, "burn_in": 10}, {"horizon": 10, "alpha": 0.0}])
def test_wrong_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected 0 < burn_in < horizon"):
        ErrorStream(**settings)  # type: ignore[arg-type]


def test_other_than_zeros_and_ones_is_refused() -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        ErrorStream(horizon=100).update([0, 2])


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5])
@pytest.mark.parametrize("horizon", [300, 3000])
def test_false_alarms_stay_within_the_budget(rate: float, horizon: int) -> None:
    years = 500
    hits = sum(
        bool(ErrorStream(horizon=horizon, alpha=0.2).update(answers(seed, rate, rate, n=horizon)))
        for seed in range(years)
    )
    assert hits <= binom.ppf(1 - 1e-6, years, 0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(0.2, 0.3), (0.3, 0.2), (0.1, 0.3)])
def test_intervals_hold_the_difference_and_the_start(before: float, after: float) -> None:
    found = [ErrorStream(horizon=10_000).update(answers(seed, before, after)) for seed in range(300)]
    first = [alarms[0] for alarms in found if alarms and alarms[0].row >= 5000]
    assert len(first) > 280
    assert np.mean([one.difference.low <= after - before <= one.difference.high for one in first]) > 0.93
    assert np.mean([one.start_low - 8 <= 5000 <= one.start_high + 8 for one in first]) > 0.92
