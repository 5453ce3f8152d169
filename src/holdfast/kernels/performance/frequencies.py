"""Shares said as frequencies, for people who know no statistics."""

from __future__ import annotations

import math


def frequency(value: float, low: float | None = None, high: float | None = None) -> tuple[str, str]:
    """Say a share as a count among a round number of cases.

    Parameters
    ----------
    value : float
        Share in [-1, 1].
    low, high : float, optional
        Ends of its interval.

    Returns
    -------
    tuple of str
        The number of cases, a power of ten from 100 to 1,000,000 under which the share is no fraction, and the count
        with its interval in brackets.

    Examples
    --------
    >>> frequency(0.153, 0.147, 0.16)
    ('1,000', '153 (147 to 160)')
    >>> frequency(0.2)
    ('1,000', '200')
    """
    cases = 1000
    while cases < 1_000_000 and 0.0 < abs(value) * cases < 10.0:
        cases *= 10
    text = f"{_count(value, cases)}"
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        text += f" ({_count(low, cases)} to {_count(high, cases)})"
    return f"{cases:,}", text


def _count(share: float, cases: int) -> str:
    return f"{round(share * cases) or 0:,}"
