"""What the runner gives a check to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from holdfast.core.finding import Finding

T = TypeVar("T")
R = TypeVar("R")


class PartialStore(Protocol):
    """Durable partial results of one check in one run; they survive ``kill -9`` and vanish when the finding is done."""

    def get(self, name: str) -> bytes | None:
        """Return what was put under this name, or ``None``."""

    def put(self, name: str, value: bytes) -> None:
        """Keep a value; durable when this returns."""


class Context(Protocol):
    """The surroundings of one check.

    Attributes
    ----------
    seed, rng
        Seed and generator of this check; derived from the input digests unless the user gave one.
    level
        Confidence level of every interval.
    effort
        Work limits of the chosen effort, from the check's spec.
    store
        Durable partial results.
    """

    @property
    def seed(self) -> int: ...
    @property
    def rng(self) -> np.random.Generator: ...
    @property
    def level(self) -> float: ...
    @property
    def effort(self) -> Mapping[str, int]: ...
    @property
    def store(self) -> PartialStore: ...

    def threshold(self, measurement: str) -> float | None:
        """Return the policy's threshold for a measurement of this check (its short id), or ``None``."""

    def used(self, check: str) -> Finding | None:
        """Return the finding of a check named in the spec's ``uses``, or ``None`` when there is none."""

    def used_table(self, check: str, name: str) -> pl.DataFrame | None:
        """Return an evidence table of a check named in the spec's ``uses``, or ``None`` when there is none."""

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Apply a function to fixed chunks, in threads; results in order, the same whatever the number of threads."""

    def track(self, items: Iterable[T], total: int) -> Iterable[T]:
        """Pass items through, reporting progress; stops with ``BudgetError`` when time is up or the user cancels."""

    def time_left(self) -> float:
        """Return the seconds of the time budget that are left, negative once it is used up; inf without one."""

    def out_of_time(self) -> bool:
        """Whether the time budget is used up: finish the point at hand and say how many were completed."""
