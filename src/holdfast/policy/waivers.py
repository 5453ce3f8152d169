"""Violations that somebody accepted, visibly and for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A violation that is accepted until a day.

    Attributes
    ----------
    measurement
        Id or pattern of the measurement.
    owner, reason
        Who accepted it, and why.
    expires
        The last day on which it holds.
    """

    measurement: str
    owner: str
    reason: str
    expires: date

    def holds(self, today: date) -> bool:
        """Whether it still counts."""
        return today <= self.expires

    def __str__(self) -> str:
        return f"accepted by {self.owner} until {self.expires.isoformat()}: {self.reason}"
