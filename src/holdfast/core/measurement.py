"""One number that a check measured, with the interval that says how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher_is_better", "lower_is_better", "neither"]
Bound = Literal["estimate", "lower", "upper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval; ``None`` is an open end.

    Attributes
    ----------
    low, high
        Ends in the unit of the measurement.
    level
        Confidence level, for example 0.95.
    method
        Name of the method, for example ``"Clopper-Pearson"``.
    """

    low: float | None
    high: float | None
    level: float
    method: str

    def __post_init__(self) -> None:
        for end in (self.low, self.high):
            if end is not None and not math.isfinite(end):
                raise ValueError(f"expected a finite end of an interval or None for an open end, got {end}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"expected low <= high, got [{self.low}, {self.high}]")
        if not 0 < self.level < 1:
            raise ValueError(f"expected a level between 0 and 1, got {self.level}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measured number.

    Attributes
    ----------
    id
        ``check id + "." + short id``; policies and reports refer to it.
    name
        What it is called in the field, for people.
    value
        The estimate, finite.
    low, high, level, method
        The interval; ``None`` throughout when there is none, ``None`` at one end when that end is open.
    no_interval_reason
        Why there is no interval; required exactly when there is none.
    exact
        Whether the number was counted over everything it speaks of, so that it needs no interval to be compared.
    n
        Number of units (rows, pairs, requests) behind the value.
    unit
        ``share`` for numbers in [0, 1], else the unit: ``rows``, ``ms``, ``MB``, the target's unit.
    direction
        Which way is better.
    bound
        What the number is to the true *risk*: an estimate, or only a lower or an upper bound of it. Attacks and scans
        give lower bounds: they may have missed something.
    plain
        The number said to somebody who knows no statistics, as a frequency with its interval.
    """

    id: str
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str | None = None
    no_interval_reason: str | None = None
    exact: bool = False
    n: int | None = None
    unit: str = ""
    direction: Direction = "neither"
    bound: Bound = "estimate"
    plain: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"expected a finite value for {self.id}, got {self.value}")
        if (self.method is None) == (self.no_interval_reason is None):
            raise ValueError(f"expected either an interval or the reason why there is none for {self.id}")
        if self.exact and self.method is not None:
            raise ValueError(f"expected no interval for {self.id}, which is exact")

    @property
    def interval(self) -> Interval | None:
        """The interval, or ``None``."""
        if self.method is None or self.level is None:
            return None
        return Interval(low=self.low, high=self.high, level=self.level, method=self.method)

    @property
    def key(self) -> str:
        """The short id, without the check's."""
        return self.id.split(".", 2)[2] if self.id.count(".") >= 2 else self.id
